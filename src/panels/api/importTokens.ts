/** Bulk donation, by a member or a script: many credentials in one request, each judged by itself. */
import { z } from 'zod';
import type { CommandMeta } from '../../commands/define.js';
import { dailyCap } from '../../commands/token/donate.js';
import { AppError } from '../../errors.js';
import { safeText } from '../../shared/safeText.js';
import { defineRoute } from './define.js';
import type { PanelContext } from './deps.js';
import { donate } from './donations.js';
import { models, optionalText } from './fields.js';
import { entriesOf } from './importEntries.js';
import { metaOf } from './meta.js';
import { validate } from './validate.js';

const visibility = z.enum(['public', 'private']);

/** What a donor's file holds beside these is for the upstream to read: its spellings differ from tool to tool. */
const entry = z.looseObject({
  provider: z.string().max(50).default('kiro'),
  visibility,
  name: optionalText(100).nullable().optional(),
  dailyCap: dailyCap.nullable().optional(),
  allowedModels: models.nullable().optional(),
  // Where an upstream lies is for admins to say: another's address could point into our own network.
  baseUrl: z.undefined('is for admins to set').optional(),
});

const signInNames: ReadonlySet<string> = new Set(['google', 'github', 'builderid', 'enterprise']);

/** Those of our own names that a file may write the other way. */
function ownSpelling(given: unknown): unknown {
  if (typeof given === 'string') return { refreshToken: given };
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  // Kiro's own file says there how its user signed in.
  const { provider, ...rest } = given as Readonly<Record<string, unknown>>;
  if (typeof provider === 'string' && signInNames.has(provider.toLowerCase())) {
    const told = ['authType', 'auth_type', 'authMethod', 'auth_method'].some((name) => typeof rest[name] === 'string');
    return ownSpelling(told ? rest : { ...rest, authType: provider });
  }
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [ownNames.get(name.toLowerCase()) ?? name, value]));
}

/** A restriction is found whatever its case: one that went unseen would open a token to everybody. */
const ownNames: ReadonlyMap<string, string> = new Map([
  ['visibility', 'visibility'],
  ['daily_cap', 'dailyCap'],
  ['dailycap', 'dailyCap'],
  ['allowed_models', 'allowedModels'],
  ['allowedmodels', 'allowedModels'],
  ['base_url', 'baseUrl'],
  ['baseurl', 'baseUrl'],
]);

const rejection = z.strictObject({
  index: z.int(),
  /** In English. */
  reason: z.string(),
  /** The same for programs: what is wrong, as far as it has a name, or else the error's code. */
  code: z.string(),
  /** The field at fault. */
  param: z.string().nullable(),
  /** Of `invalid_request`: what is wrong with the field, as facts. */
  issue: z.record(z.string(), z.unknown()).optional(),
});

type DonateOne = (given: unknown) => Promise<string>;

/** What became of each: its id, or why not. `index` counts the entries from 0: lines without empty ones, rows without the header. */
async function importAll(body: unknown, donateOne: DonateOne): Promise<{ ids: string[]; rejected: z.input<typeof rejection>[] }> {
  const entries = entriesOf(body);
  const ids: string[] = [];
  const rejected: z.input<typeof rejection>[] = [];
  for (const [index, one] of entries.entries()) {
    if (one.fault !== undefined) {
      rejected.push({ index, reason: one.fault.text, code: one.fault.code, param: null });
      continue;
    }
    try {
      ids.push(await donateOne(one.given));
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      rejected.push({ index, ...told(error) });
    }
  }
  return { ids, rejected };
}

interface Donor {
  readonly ownerId: string | null;
  /** Of the entries that say nothing about it. */
  readonly visibility: z.output<typeof visibility>;
  readonly meta: CommandMeta;
}

function told({ message, code, param, extra: { reason, issue } }: AppError): Omit<z.input<typeof rejection>, 'index'> {
  const facts = typeof issue === 'object' && issue !== null ? { issue: { ...issue } } : {};
  return { reason: safeText(message, 300), code: typeof reason === 'string' ? reason : code, param: param ?? null, ...facts };
}

function donorOf({ ownerId, meta, ...defaults }: Donor, context: PanelContext): DonateOne {
  return (given) => {
    const own = ownSpelling(given);
    const isEntry = typeof own === 'object' && own !== null && !Array.isArray(own);
    return donate(validate(entry, isEntry ? { ...defaults, ...own } : own), ownerId, meta, context);
  };
}

/** Whatever form the body has: what its entries do not say of themselves. */
const query = z.strictObject({ visibility: visibility.default('public') });

const body = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown()), z.string()]);
const answer = z.strictObject({ accepted: z.int(), rejected: z.array(rejection) });

export const importRoutes = [
  defineRoute({
    method: 'post',
    path: '/user/api/tokens/import',
    access: 'member',
    summary:
      'Donate many credentials at once: JSON (an array, an object with one, one object a line), CSV with a header, or one refresh token a line. `ids` are those of the accepted, in order. `visibility` is of those that name none.',
    status: 200,
    query,
    body,
    text: true,
    response: answer.extend({ ids: z.array(z.string()) }),
    async handle(request, context) {
      const { ids, rejected } = await importAll(
        request.body,
        donorOf({ ownerId: request.caller.userId, visibility: request.query.visibility, meta: metaOf(request) }, context),
      );
      return { body: { accepted: ids.length, rejected, ids } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/api/tokens/import',
    access: 'import-key',
    summary:
      'Donate many credentials: JSON (an array, an object with one, one object a line), CSV with a header, or one refresh token a line. `visibility` is of those that name none.',
    status: 200,
    query,
    body,
    text: true,
    response: answer,
    async handle({ body: given, query: defaults, caller: { ownerId, importKeyId }, requestId }, context) {
      const actor = ownerId === null ? 'system' : `user/${ownerId}`;
      const meta = { actor, correlationId: requestId, causationId: `import-key/${importKeyId}` };
      const { ids, rejected } = await importAll(given, donorOf({ ownerId, ...defaults, meta }, context));
      return { body: { accepted: ids.length, rejected } };
    },
  }),
];
