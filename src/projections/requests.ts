/** Request statistics: counts, tokens and latency histograms in slots of 10 s, a minute, an hour, and for all time. */

import type { StoredEvent } from '../events/define.js';
import type { EventData } from '../events/index.js';
import { type Accumulator, accumulator, type Rows } from './accumulate.js';
import { defineProjection } from './define.js';
import { bucketOf } from './histogram.js';
import { isAuthenticated, requestEnd, requestEndTypes } from './requestEnd.js';
import { DAY, HOUR, MINUTE, SECOND, slotOf } from './time.js';

const labels = { endpoint: 'text', status: 'bigint', model: 'text', error: 'text' } as const;
const sums = ['requests', 'latency_us', 'input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens', 'micro_credits'];

/** One width of slots; 0: all time in one. Longer ones are rolled up from the shortest within the batch. */
interface Level {
  readonly width: number;
  readonly counts: Accumulator;
  readonly latency: Accumulator;
  /** ms; null: kept for good. */
  readonly keep: number | null;
}

const level = (name: string, width: number, keep: number | null): Level => ({
  width,
  keep,
  counts: accumulator({ table: `request_${name}`, key: width === 0 ? labels : { slot: 'bigint', ...labels }, sum: sums }),
  latency: accumulator({
    table: `latency_${name}`,
    key: width === 0 ? { bucket: 'bigint' } : { slot: 'bigint', bucket: 'bigint' },
    sum: ['requests'],
  }),
});

const finest = level('10s', 10 * SECOND, 10 * MINUTE);
const levels = [finest, level('minute', MINUTE, 26 * HOUR), level('hour', HOUR, 35 * DAY), level('total', 0, null)];
const attempts = accumulator({ table: 'attempt_total', key: { provider: 'text', result: 'text' }, sum: ['attempts'] });

const tablesOf = ({ counts, latency, keep }: Level) =>
  [counts, latency].map(({ table, key }) => ({ name: table, key, ...(keep === null ? {} : { retention: { column: 'slot', ms: keep } }) }));

interface Batch {
  readonly counts: Rows;
  readonly latency: Rows;
  readonly attempts: Rows;
}

export const requests = defineProjection<Batch>({
  name: 'requests',
  version: 2,
  tables: [...levels.flatMap(tablesOf), { name: attempts.table, key: attempts.key }],
  types: [...requestEndTypes, 'kirogate.token.failed'],
  start: () => ({ counts: new Map(), latency: new Map(), attempts: new Map() }),
  fold(batch, event) {
    if (event.type === 'kirogate.token.failed') countAttempt(batch, (event.data as EventData<'kirogate.token.failed'>).provider, 'failed');
    else foldEnd(batch, event);
  },
  async flush(batch, tx, table) {
    for (const { width, counts, latency } of levels) {
      const rolled =
        width === finest.width ? batch : { counts: rollUp(batch.counts, counts, width), latency: rollUp(batch.latency, latency, width) };
      await counts.flush(rolled.counts, tx, table);
      await latency.flush(rolled.latency, tx, table);
    }
    await attempts.flush(batch.attempts, tx, table);
  },
});

function foldEnd(batch: Batch, event: StoredEvent): void {
  const end = requestEnd(event);
  // Failed attempts have an event of their own; a node that died leaves none of what its last one came to.
  for (const { provider, outcome } of end.attempts) if (outcome !== 'failed') countAttempt(batch, provider, outcome);
  if (end.outcome === 'abandoned') countAttempt(batch, 'unknown', 'abandoned');
  if (!isAuthenticated(end)) return;
  const slot = slotOf(event.time, finest.width);
  finest.counts.add(batch.counts, {
    slot,
    endpoint: end.endpoint,
    status: end.status,
    // A name that no upstream has is the client's invention: one label for all of them.
    model: end.code === 'model_not_found' ? 'unknown' : end.model,
    error: end.code ?? '',
    requests: end.count,
    latency_us: end.latencyUs,
    input_tokens: end.usage?.inputTokens ?? 0,
    output_tokens: end.usage?.outputTokens ?? 0,
    cache_read_tokens: end.usage?.cacheReadTokens ?? 0,
    cache_write_tokens: end.usage?.cacheWriteTokens ?? 0,
    micro_credits: end.usage?.microCredits ?? 0,
  });
  const bucket = bucketOf(Math.floor(end.latencyUs / end.count));
  finest.latency.add(batch.latency, { slot, bucket, requests: end.count });
}

function countAttempt(batch: Batch, provider: string, result: string): void {
  attempts.add(batch.attempts, { provider, result, attempts: 1 });
}

function rollUp(rows: Rows, into: Accumulator, width: number): Rows {
  const rolled: Rows = new Map();
  for (const { slot, ...rest } of rows.values()) into.add(rolled, width === 0 ? rest : { slot: slotOf(slot as number, width), ...rest });
  return rolled;
}
