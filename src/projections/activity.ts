/** Activity: one row for each request that ended, and one for each number of like refusals. */
import { type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { type Columns, identifiers, type Row } from './accumulate.js';
import { defineProjection } from './define.js';
import { type PageQuery, pageOf, type Page } from './page.js';
import { prune } from './prune.js';
import { requestEnd, requestEndTypes } from './requestEnd.js';
import { DAY } from './time.js';

const columns: Columns = {
  at: 'bigint',
  id: 'text',
  request_id: 'text',
  outcome: 'text',
  user_id: 'text',
  key_id: 'text',
  token_id: 'text',
  endpoint: 'text',
  model: 'text',
  stream: 'boolean',
  status: 'bigint',
  code: 'text',
  message: 'text',
  count: 'bigint',
  attempts: 'bigint',
  started_at: 'bigint',
  latency_us: 'bigint',
  first_output_us: 'bigint',
  input_tokens: 'bigint',
  output_tokens: 'bigint',
  cache_read_tokens: 'bigint',
  cache_write_tokens: 'bigint',
  estimated: 'boolean',
  micro_credits: 'bigint',
  charged: 'boolean',
};

const table = { name: 'activity', key: ['at', 'id'], retention: { column: 'at', ms: 90 * DAY } } as const;

export const activity = defineProjection<Row[]>({
  name: 'activity',
  version: 1,
  tables: [table],
  types: requestEndTypes,
  start: () => [],
  fold(batch, event) {
    const end = requestEnd(event);
    batch.push({
      at: event.time,
      id: event.id,
      request_id: end.requestId,
      outcome: end.outcome,
      user_id: end.userId,
      key_id: end.keyId,
      token_id: end.tokenId,
      endpoint: end.endpoint,
      model: end.model,
      stream: end.stream,
      status: end.status,
      code: end.code,
      message: end.message,
      count: end.count,
      attempts: end.attemptCount,
      started_at: end.startedAt,
      latency_us: end.latencyUs,
      first_output_us: end.firstOutputUs,
      input_tokens: end.usage?.inputTokens ?? null,
      output_tokens: end.usage?.outputTokens ?? null,
      cache_read_tokens: end.usage?.cacheReadTokens ?? null,
      cache_write_tokens: end.usage?.cacheWriteTokens ?? null,
      estimated: end.usage?.estimated ?? null,
      micro_credits: end.usage?.microCredits ?? null,
      charged: end.charge !== null,
    });
  },
  async flush(batch, tx, name) {
    if (batch.length === 0) return;
    batch.sort((a, b) => (a.at as number) - (b.at as number));
    await tx.query(sql`insert into ${name('activity')} (${identifiers(Object.keys(columns))}) ${rowsOf(tx.engine, columns, batch)} on conflict do nothing`);
    await prune(table, batch.at(-1)?.at as number, tx, name);
  },
});

export interface ActivityItem {
  readonly id: string;
  /** ms since epoch: when it ended. */
  readonly at: number;
  readonly startedAt: number;
  readonly requestId: string;
  readonly outcome: 'completed' | 'failed' | 'cancelled' | 'abandoned' | 'refused';
  /** null: no known key. */
  readonly userId: string | null;
  readonly keyId: string | null;
  readonly tokenId: string | null;
  readonly endpoint: string;
  readonly model: string;
  readonly stream: boolean;
  readonly status: number;
  readonly code: string | null;
  readonly message: string | null;
  /** Requests this row stands for: more than 1 for refusals that came together. */
  readonly count: number;
  readonly attempts: number;
  /** Mean over `count`. */
  readonly latencyMs: number;
  readonly firstOutputMs: number | null;
  readonly usage: {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly cacheReadTokens: number;
    readonly cacheWriteTokens: number;
    readonly estimated: boolean;
    readonly microCredits: number | null;
  } | null;
  /** Did it count against the user's quotas? */
  readonly charged: boolean;
}

export interface ActivityQuery extends PageQuery {
  readonly userId?: string | undefined;
  readonly model?: string | undefined;
  readonly status?: number | undefined;
}

/** Newest first. Throws AppError `invalid_request` for a cursor that is none. */
export function listActivity(db: Queryable, query: ActivityQuery): Promise<Page<ActivityItem>> {
  const where = [];
  if (query.userId !== undefined) where.push(sql`user_id = ${query.userId}`);
  if (query.model !== undefined) where.push(sql`model = ${query.model}`);
  if (query.status !== undefined) {
    where.push(sql`status = ${query.status}`);
    // Said in the words of the partial index, or the planner does not take it.
    if (query.status !== 200) where.push(sql`status <> 200`);
  }
  return pageOf(db, { ...query, table: sql`activity`, where, read: toItem });
}

interface Stored {
  readonly at: number;
  readonly id: string;
  readonly [column: string]: string | number | null;
}

function toItem(row: Stored): ActivityItem {
  const count = Number(row.count);
  return {
    id: row.id,
    at: row.at,
    startedAt: Number(row.started_at),
    requestId: String(row.request_id),
    outcome: row.outcome as ActivityItem['outcome'],
    userId: row.user_id === '' ? null : String(row.user_id),
    keyId: row.key_id === '' ? null : String(row.key_id),
    tokenId: row.token_id as string | null,
    endpoint: String(row.endpoint),
    model: String(row.model),
    stream: Boolean(row.stream),
    status: Number(row.status),
    code: row.code as string | null,
    message: row.message as string | null,
    count,
    attempts: Number(row.attempts),
    latencyMs: Number(row.latency_us) / count / 1_000,
    firstOutputMs: row.first_output_us === null ? null : Number(row.first_output_us) / 1_000,
    usage: usageOf(row),
    charged: Boolean(row.charged),
  };
}

function usageOf(row: Stored): ActivityItem['usage'] {
  if (row.input_tokens === null) return null;
  return {
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    cacheReadTokens: Number(row.cache_read_tokens),
    cacheWriteTokens: Number(row.cache_write_tokens),
    estimated: Boolean(row.estimated),
    microCredits: row.micro_credits === null ? null : Number(row.micro_credits),
  };
}
