/** Bulk donation by script: many credentials in one request, each judged by itself. */
import { z } from 'zod';
import { models, optionalText } from '../../commands/fields.js';
import { dailyCap } from '../../commands/token/donate.js';
import { AppError } from '../../errors.js';
import { safeText } from '../../shared/safeText.js';
import { defineRoute, type ImportCaller } from './define.js';
import type { PanelContext } from './deps.js';
import { donate } from './tokens.js';
import { validate } from './validate.js';

/** Each is a transaction of its own; more go in further requests. */
const mostEntries = 5_000;

/** What a donor's file holds beside these is for the upstream to read: its spellings differ from tool to tool. */
const entry = z.looseObject({
  provider: z.string().max(50).default('kiro'),
  visibility: z.enum(['public', 'private']).default('public'),
  name: optionalText(100).nullable().optional(),
  dailyCap: dailyCap.nullable().optional(),
  allowedModels: models.nullable().optional(),
});

const rejection = z.strictObject({ index: z.int(), reason: z.string() });

/** A JSON document, or one refresh token a line. */
export function entriesOf(body: unknown): unknown[] {
  if (typeof body !== 'string') return Array.isArray(body) ? body : [body];
  const text = body.trim();
  if (/^[[{"]/.test(text)) {
    try {
      const parsed: unknown = JSON.parse(text);
      return Array.isArray(parsed) ? parsed : [parsed];
    } catch {
      throw new AppError('invalid_request', { message: 'The text looks like JSON and is not valid.', param: 'body' });
    }
  }
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

async function donateEntry(given: unknown, caller: ImportCaller, requestId: string, context: PanelContext): Promise<string | null> {
  try {
    const fields = validate(entry, typeof given === 'string' ? { refreshToken: given } : given);
    const meta = {
      actor: caller.ownerId === null ? 'system' : `user/${caller.ownerId}`,
      correlationId: requestId,
      causationId: `import-key/${caller.importKeyId}`,
    };
    await donate(fields, caller.ownerId, meta, context);
    return null;
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return safeText(error.message, 300);
    throw error;
  }
}

export const importRoutes = [
  defineRoute({
    method: 'post',
    path: '/api/tokens/import',
    access: 'import-key',
    summary: 'Donate many credentials: a JSON array, or text with one refresh token a line.',
    status: 200,
    body: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown()), z.string()]),
    text: true,
    response: z.strictObject({ accepted: z.int(), rejected: z.array(rejection) }),
    async handle({ body, caller, requestId }, context) {
      const entries = entriesOf(body);
      if (entries.length > mostEntries) {
        throw new AppError('invalid_request', { message: `At most ${mostEntries} credentials in one request.`, param: 'body' });
      }
      const rejected: z.input<typeof rejection>[] = [];
      for (const [index, given] of entries.entries()) {
        const reason = await donateEntry(given, caller, requestId, context);
        if (reason !== null) rejected.push({ index, reason });
      }
      return { body: { accepted: entries.length - rejected.length, rejected } };
    },
  }),
];
