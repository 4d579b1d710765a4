/** Questions to the request statistics: the admin's metrics (contract §5) and the totals that Prometheus scrapes (§4). */
import { type Queryable, type SQLQuery, sql } from '../infra/database/port.js';
import { type Buckets, quantile, upperBound } from './histogram.js';
import { DAY, HOUR, MINUTE, SECOND, slotOf } from './time.js';

export type MetricsWindow = '1m' | '1h' | '24h' | 'all';

export interface RequestMetrics {
  readonly totalRequests: number;
  /** 0–1; 1 while there is no request. */
  readonly successRate: number;
  /** null: no request. */
  readonly latencyMs: {
    readonly avg: number | null;
    readonly p50: number | null;
    readonly p95: number | null;
    readonly p99: number | null;
  };
  readonly byModel: Record<string, number>;
  readonly byStatus: Record<string, number>;
  readonly byEndpoint: Record<string, number>;
  readonly byErrorType: Record<string, number>;
  readonly modelTokens: Record<string, { input: number; output: number }>;
}

interface Counted {
  readonly endpoint: string;
  readonly status: number;
  readonly model: string;
  readonly error: string;
  readonly requests: number;
  readonly latency: number;
  readonly input: number;
  readonly output: number;
}

/** Slots that end after the window's start: at most one slot (10 s, a minute, a minute) more than the window. */
const sources: Readonly<Record<MetricsWindow, { readonly name: string; readonly width: number; readonly span: number }>> = {
  '1m': { name: '10s', width: 10 * SECOND, span: MINUTE },
  '1h': { name: 'minute', width: MINUTE, span: HOUR },
  '24h': { name: 'minute', width: MINUTE, span: DAY },
  all: { name: 'total', width: 0, span: 0 },
};

/** `now` in ms since epoch. */
export async function requestMetrics(db: Queryable, window: MetricsWindow, now: number): Promise<RequestMetrics> {
  const { counts, buckets } = await read(db, window, now);
  const total = sum(counts, (row) => row.requests);
  const at = (q: number): number | null => inMs(quantile(buckets, q));
  return {
    totalRequests: total,
    successRate: total === 0 ? 1 : sum(counts, (row) => (row.error === '' ? row.requests : 0)) / total,
    latencyMs: { avg: total === 0 ? null : sum(counts, (row) => row.latency) / total / 1_000, p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    byModel: countBy(counts, (row) => row.model),
    byStatus: countBy(counts, (row) => String(row.status)),
    byEndpoint: countBy(counts, (row) => row.endpoint),
    byErrorType: countBy(
      counts.filter((row) => row.error !== ''),
      (row) => row.error,
    ),
    modelTokens: tokensByModel(counts),
  };
}

/** One moment for both tables: otherwise a batch between the two reads would make them disagree. */
async function read(db: Queryable, window: MetricsWindow, now: number): Promise<{ counts: Counted[]; buckets: Buckets }> {
  const { name, width, span } = sources[window];
  const first = slotOf(now - span, width === 0 ? 1 : width);
  // A day is mostly whole hours: minutes are only read up to the first of them.
  const hour = name === 'minute' && span > HOUR ? slotOf(first + HOUR - 1, HOUR) : null;
  const where = width === 0 ? sql`true` : hour === null ? sql`slot >= ${first}` : sql`slot >= ${first} and slot < ${hour}`;
  const parts = [partOf(name, where), ...(hour === null ? [] : [partOf('hour', sql`slot >= ${hour}`)])];
  const rows = await db.query<Counted & { bucket: number | null }>(sql.join(parts, sql` union all `));
  const buckets = new Map<number, number>();
  const counts: Counted[] = [];
  for (const row of rows) {
    if (row.bucket === null) counts.push(row);
    else buckets.set(row.bucket, (buckets.get(row.bucket) ?? 0) + Number(row.requests));
  }
  return { counts, buckets };
}

function partOf(name: string, where: SQLQuery): SQLQuery {
  return sql`${countsFrom(sql.ident(`request_${name}`), where)}
    union all select null, null, null, null, sum(requests), 0, 0, 0, bucket from ${sql.ident(`latency_${name}`)} where ${where} group by bucket`;
}

function countsFrom(table: SQLQuery, where: SQLQuery): SQLQuery {
  return sql`select endpoint, status, model, error, sum(requests) as requests, sum(latency_us) as latency,
    sum(input_tokens) as input, sum(output_tokens) as output, cast(null as bigint) as bucket
    from ${table} where ${where} group by endpoint, status, model, error`;
}

export interface PrometheusTotals {
  readonly requests: readonly { readonly endpoint: string; readonly status: number; readonly model: string; readonly count: number }[];
  /** Cumulative: requests that took at most `le` seconds. The last is +Inf. */
  readonly duration: {
    readonly buckets: readonly { readonly le: number; readonly count: number }[];
    readonly sumSeconds: number;
    readonly count: number;
  };
  readonly errors: readonly { readonly type: string; readonly count: number }[];
  readonly modelTokens: readonly { readonly direction: 'input' | 'output'; readonly model: string; readonly count: number }[];
  readonly attempts: readonly { readonly result: string; readonly count: number }[];
}

/** Upper bounds of the exported histograms, in seconds. */
export const durationBounds: readonly number[] = [
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
  60,
  120,
  300,
  Number.POSITIVE_INFINITY,
];
/** Series a scrape may hold for names that clients choose. */
const MAX_MODELS = 500;

/** Totals of the whole cluster since the first event; they only rise. */
export async function prometheusTotals(db: Queryable): Promise<PrometheusTotals> {
  const { counts: all, buckets } = await read(db, 'all', 0);
  const counts = boundModels(all);
  const attempts = await db.query<{ result: string; count: number }>(
    sql`select result, sum(attempts) as count from attempt_total group by result order by result`,
  );
  const models = tokensByModel(counts);
  return {
    requests: grouped(counts),
    duration: {
      buckets: durationBounds.map((le) => ({ le, count: atMost(buckets, le * 1_000_000) })),
      sumSeconds: sum(counts, (row) => row.latency) / 1_000_000,
      count: sum(counts, (row) => row.requests),
    },
    errors: Object.entries(
      countBy(
        counts.filter((row) => row.error !== ''),
        (row) => row.error,
      ),
    ).map(([type, count]) => ({ type, count })),
    modelTokens: Object.entries(models).flatMap(([model, { input, output }]) => [
      { direction: 'input' as const, model, count: input },
      { direction: 'output' as const, model, count: output },
    ]),
    attempts: attempts.map(({ result, count }) => ({ result, count: Number(count) })),
  };
}

/** Beyond the bound the least used names share the label `other`. */
function boundModels(counts: readonly Counted[]): readonly Counted[] {
  const byModel = Object.entries(countBy(counts, (row) => row.model));
  if (byModel.length <= MAX_MODELS) return counts;
  const kept = new Set(
    byModel
      .sort(([, a], [, b]) => b - a)
      .slice(0, MAX_MODELS)
      .map(([model]) => model),
  );
  return counts.map((row) => (kept.has(row.model) ? row : { ...row, model: 'other' }));
}

function grouped(counts: readonly Counted[]): PrometheusTotals['requests'] {
  const rows = new Map<string, { endpoint: string; status: number; model: string; count: number }>();
  for (const { endpoint, status, model, requests } of counts) {
    const key = `${endpoint}\u0000${status}\u0000${model}`;
    const known = rows.get(key);
    if (known) known.count += Number(requests);
    else rows.set(key, { endpoint, status, model, count: Number(requests) });
  }
  return [...rows.values()];
}

/** A bucket that reaches over the bound counts above it, so that the figure is never too good. */
function atMost(buckets: Buckets, us: number): number {
  let count = 0;
  for (const [bucket, requests] of buckets) if (us === Number.POSITIVE_INFINITY || upperBound(bucket) - 1 <= us) count += requests;
  return count;
}

function tokensByModel(counts: readonly Counted[]): Record<string, { input: number; output: number }> {
  const models = new Map<string, { input: number; output: number }>();
  for (const { model, input, output } of counts) {
    const known = models.get(model) ?? { input: 0, output: 0 };
    models.set(model, { input: known.input + Number(input), output: known.output + Number(output) });
  }
  return Object.fromEntries([...models].filter(([, { input, output }]) => input + output > 0).sort(byName));
}

function countBy(counts: readonly Counted[], name: (row: Counted) => string): Record<string, number> {
  const found = new Map<string, number>();
  for (const row of counts) found.set(name(row), (found.get(name(row)) ?? 0) + Number(row.requests));
  return Object.fromEntries([...found].sort(byName));
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

function sum(counts: readonly Counted[], value: (row: Counted) => number): number {
  return counts.reduce((total, row) => total + Number(value(row)), 0);
}

const inMs = (us: number | null): number | null => (us === null ? null : us / 1_000);
