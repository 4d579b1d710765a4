/** The live settings. What is in force stands at the top; what is stored and what the environment says stand beside it. */
import { z } from 'zod';
import { changeConfig } from '../../../commands/config/change.js';
import type { SettingsPatch } from '../../../shared/settings.js';
import { settingsPatchSchema, settingsSchema } from '../../../shared/settings.js';
import { type AdminCaller, defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { metaOf } from '../meta.js';

const shown = settingsSchema.extend({
  /** Set in the panel: wins over the environment. */
  stored: settingsSchema.partial(),
  environment: settingsSchema,
});

/** So that what GET answered can be sent back whole, the two members beside the settings are taken and ignored. */
const patch = settingsPatchSchema.extend({
  stored: z.unknown().optional(),
  environment: z.unknown().optional(),
  /** Values that the caller took for those in force; null: for not stored. One that is otherwise by now: 409, and nothing changes. */
  expected: settingsPatchSchema.optional(),
});

function view({ directory, environmentSettings }: PanelContext): z.input<typeof shown> {
  return { ...directory.settings(), stored: directory.storedSettings(), environment: environmentSettings };
}

async function change(
  request: { readonly caller: AdminCaller; readonly requestId: string; readonly body: z.output<typeof patch> },
  context: PanelContext,
): Promise<{ body: z.input<typeof shown> }> {
  const { stored: _stored, environment: _environment, ...settings } = request.body;
  if (Object.keys(settings).length > 0)
    await context.commands.execute(
      changeConfig,
      settings satisfies SettingsPatch & { expected?: SettingsPatch | undefined },
      metaOf(request),
    );
  await context.directory.catchUp();
  return { body: view(context) };
}

export const configRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/config',
    access: 'admin',
    summary: 'Settings in force, those stored, and those of the environment.',
    status: 200,
    response: shown,
    handle: async (_request, context) => ({ body: view(context) }),
  }),
  defineRoute({
    method: 'put',
    path: '/admin/api/config',
    access: 'admin',
    summary: 'Change any subset of the settings; null hands one back to the environment.',
    status: 200,
    body: patch,
    response: shown,
    handle: change,
  }),
  defineRoute({
    method: 'post',
    path: '/admin/config/reload',
    access: 'admin',
    summary: 'Re-read and apply what is stored; with a body the same as PUT.',
    status: 200,
    body: patch,
    response: shown,
    handle: change,
  }),
];
