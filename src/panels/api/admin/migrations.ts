/** An old KiroGate comes in through the panel: a file is sent or named, and its import watched. */
import { z } from 'zod';
import type { MigrationRun } from '../../../commands/migration/runs.js';
import { AppError } from '../../../errors.js';
import { defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';

const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();
const region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'must be an AWS region such as us-east-1');

const counted = z.int().nonnegative();
const rowNote = { table: z.string(), id: z.string() };
const report = z.strictObject({
  dryRun: z.boolean(),
  tables: z.array(z.strictObject({ table: z.string(), rows: counted, imported: counted, matched: counted, passedOver: counted })),
  mapped: z.array(z.strictObject({ table: z.string(), from: z.string(), to: z.string() })),
  passedOver: z.array(z.strictObject({ ...rowNote, reason: z.string() })),
  notes: z.array(z.strictObject({ ...rowNote, note: z.string() })),
  recheck: z.array(z.string()),
  left: z.array(z.strictObject({ table: z.string(), rows: counted, why: z.string() })),
  warnings: z.array(z.string()),
  more: z.record(z.string(), counted),
});

const run = z.strictObject({
  id: z.string(),
  status: z.enum(['running', 'completed', 'failed']),
  tablesDone: counted,
  tablesTotal: counted,
  rowsDone: counted,
  rowsTotal: counted,
  /** Of a failed one: everything was rolled back. */
  error: z.strictObject({ table: z.string().nullable(), reason: z.string() }).optional(),
  /** What became of each row, once it is completed. */
  report: report.optional(),
});

function toItem({ error, report: told, ...rest }: MigrationRun): z.input<typeof run> {
  return {
    ...rest,
    ...(error === null ? {} : { error: { ...error } }),
    ...(told === null ? {} : { report: structuredClone(told) as z.input<typeof report> }),
  };
}

function importsOf({ imports }: PanelContext): NonNullable<PanelContext['imports']> {
  if (imports === undefined) throw new AppError('not_found');
  return imports;
}

export const migrationRoutes = [
  defineRoute({
    method: 'post',
    path: '/admin/api/migrations/sqlite',
    access: 'admin',
    summary:
      "Import the SQLite file of an old KiroGate: the file itself as application/octet-stream (options in the query, its TOKEN_ENCRYPT_KEY in x-old-encrypt-key, outside ASCII as UTF-8''<percent-encoded>), or JSON that names one in DATA_DIR or IMPORT_DIR on the server.",
    status: 202,
    upload: true,
    query: z.strictObject({ dryRun: flag, region: region.optional() }),
    body: z.strictObject({
      path: z.string().min(1).max(4_096).optional(),
      metricsPath: z.string().min(1).max(4_096).optional(),
      /** The old TOKEN_ENCRYPT_KEY. */
      tokenEncryptKey: z.string().min(1).max(1_000).optional(),
      region: region.optional(),
      dryRun: z.boolean().optional(),
    }),
    response: run,
    async handle({ query, body, upload, uploadKey, caller, requestId }, context) {
      const imports = importsOf(context);
      if (upload === undefined && body.path === undefined) {
        throw new AppError('invalid_request', { message: 'Send the file as application/octet-stream, or its path.', param: 'path' });
      }
      const started = await imports.start({
        source: upload === undefined ? { path: body.path ?? '', metricsPath: body.metricsPath } : { upload },
        actor: caller.actor,
        correlationId: requestId,
        dryRun: query.dryRun ?? body.dryRun ?? false,
        key: body.tokenEncryptKey ?? uploadKey,
        region: query.region ?? body.region,
      });
      return { body: toItem(started) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/admin/api/migrations/:id',
    access: 'admin',
    summary: 'How far an import is, and what became of it.',
    status: 200,
    response: run,
    async handle({ params }, context) {
      const found = await importsOf(context).progress(params.id);
      if (found === undefined) throw new AppError('not_found');
      return { body: toItem(found) };
    },
  }),
];
