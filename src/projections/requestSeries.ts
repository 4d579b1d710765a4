/** How requests went over time: figures per step from the roll-ups, with empty steps in their place. */
import { type Queryable, sql } from '../infra/database/port.js';
import { quantile } from './histogram.js';
import { DAY, HOUR, MINUTE, slotOf } from './time.js';

export type SeriesWindow = '1h' | '24h' | '7d';

export interface SeriesPoint {
  /** Start of the step, ms since epoch. */
  readonly at: number;
  readonly requests: number;
  /** Those that did not complete, refused ones included. */
  readonly failed: number;
  /** null: no request. */
  readonly p50: number | null;
  readonly p95: number | null;
}

/** Roll-up, step and span: 60 minutes, 96 quarters of an hour, 168 hours. */
const sources: Readonly<Record<SeriesWindow, { readonly rollUp: 'minute' | 'hour'; readonly step: number; readonly span: number }>> = {
  '1h': { rollUp: 'minute', step: MINUTE, span: HOUR },
  '24h': { rollUp: 'minute', step: 15 * MINUTE, span: DAY },
  '7d': { rollUp: 'hour', step: HOUR, span: 7 * DAY },
};

/** Oldest first; the last point is the step that `now` (ms) lies in. Latencies in ms. `stepMs`: width of a step. */
export async function requestSeries(
  db: Queryable,
  window: SeriesWindow,
  now: number,
): Promise<{ readonly stepMs: number; readonly points: SeriesPoint[] }> {
  const { rollUp, step, span } = sources[window];
  const last = slotOf(now, step);
  const first = last - span + step;
  const stepOf = sql`slot - (slot % ${step})`;
  const counts = await db.query<{ at: number; requests: number; failed: number }>(sql`
    select ${stepOf} as at, sum(requests) as requests, sum(case when error = '' then 0 else requests end) as failed
    from ${sql.ident(`request_${rollUp}`)} where slot >= ${first} group by 1`);
  const latencies = await db.query<{ at: number; bucket: number; requests: number }>(sql`
    select ${stepOf} as at, bucket, sum(requests) as requests from ${sql.ident(`latency_${rollUp}`)} where slot >= ${first} group by 1, 2`);
  const countAt = new Map(counts.map((row) => [Number(row.at), row]));
  const bucketsAt = new Map<number, Map<number, number>>();
  for (const { at, bucket, requests } of latencies) {
    const buckets = bucketsAt.get(Number(at)) ?? new Map<number, number>();
    bucketsAt.set(Number(at), buckets.set(bucket, Number(requests)));
  }
  const points = Array.from({ length: span / step }, (_, index): SeriesPoint => {
    const at = first + index * step;
    const count = countAt.get(at);
    const quantileAt = (q: number): number | null => inMs(quantile(bucketsAt.get(at) ?? new Map(), q));
    return { at, requests: Number(count?.requests ?? 0), failed: Number(count?.failed ?? 0), p50: quantileAt(0.5), p95: quantileAt(0.95) };
  });
  return { stepMs: step, points };
}

const inMs = (us: number | null): number | null => (us === null ? null : us / 1_000);
