/** Each live setting in full: where its value comes from, what it may be, who changed it, and which nodes have it in force. */
import { z } from 'zod';
import { type SettingChange, settingChanges } from '../../../projections/history.js';
import { defaultSettings, type SettingName, settingInfo, settingNames, settingsSchema } from '../../../shared/settings.js';
import { defineRoute } from '../define.js';
import type { NodeView, PanelContext } from '../deps.js';
import { isoOrNull, maybeTime } from '../fields.js';

const value = z.union([z.number(), z.boolean()]);

const detail = z.strictObject({
  name: z.string(),
  meaning: z.string(),
  unit: z.string(),
  type: z.enum(['integer', 'number', 'boolean']),
  min: z.number().nullable(),
  max: z.number().nullable(),
  /** In force. */
  value,
  source: z.enum(['stored', 'environment', 'default']),
  /** Set in the panel; null: nothing. */
  stored: value.nullable(),
  environment: value,
  default: value,
  changedAt: maybeTime,
  /** `admin` or `admin-api-key`; null: nobody changed it. */
  changedBy: z.string().nullable(),
  nodes: z.array(
    z.strictObject({
      id: z.string(),
      healthy: z.boolean(),
      /** Does it work with the last change? null: it does not say. */
      inForce: z.boolean().nullable(),
    }),
  ),
});

function rangeOf(name: SettingName): Pick<z.input<typeof detail>, 'type' | 'min' | 'max'> {
  const { type, minimum, maximum } = z.toJSONSchema(settingsSchema.shape[name]);
  const kind = type === 'boolean' || type === 'integer' ? type : 'number';
  return { type: kind, min: minimum ?? null, max: maximum ?? null };
}

function inForce(node: NodeView, change: SettingChange | undefined): boolean | null {
  if (change === undefined) return true;
  return node.settingsPosition === null ? null : node.settingsPosition >= change.position;
}

function detailOf(
  name: SettingName,
  change: SettingChange | undefined,
  nodes: readonly NodeView[],
  context: PanelContext,
): z.input<typeof detail> {
  const { directory, environmentSettings } = context;
  const stored = directory.storedSettings()[name] ?? null;
  const fallback = environmentSettings[name] === defaultSettings[name] ? 'default' : 'environment';
  return {
    name,
    ...settingInfo[name],
    ...rangeOf(name),
    value: directory.settings()[name],
    source: stored === null ? fallback : 'stored',
    stored,
    environment: environmentSettings[name],
    default: defaultSettings[name],
    changedAt: isoOrNull(change?.at),
    changedBy: change?.actor ?? null,
    nodes: nodes.map((node) => ({ id: node.id, healthy: node.healthy, inForce: inForce(node, change) })),
  };
}

export const settingDetailRoutes = [
  defineRoute({
    method: 'get',
    path: '/admin/api/config/details',
    access: 'admin',
    summary: 'Each setting with its sources and range, its last change, and which nodes have it in force.',
    status: 200,
    response: z.strictObject({ items: z.array(detail) }),
    async handle(_request, context) {
      const [changes, nodes] = await Promise.all([settingChanges(context.db), context.nodes()]);
      return { body: { items: settingNames.map((name) => detailOf(name, changes.get(name), nodes, context)) } };
    },
  }),
];
