/** Token health: how attempts ended per token, in all and by the minute, and every send of the last hour. */

import type { StoredEvent } from '../events/define.js';
import type { EventData } from '../events/index.js';
import { type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { accumulator, type Row, type Rows } from './accumulate.js';
import { defineProjection, type TableName } from './define.js';
import { type Changes, patchedTable } from './patches.js';
import { requestEnd } from './requestEnd.js';
import { HOUR, MINUTE, slotOf } from './time.js';

const health = accumulator({
  table: 'token_health',
  key: { token_id: 'text' },
  sum: ['attempts', 'successes', 'failures'],
  max: ['last_used_at'],
  latest: [
    { at: 'last_at', id: 'last_id', columns: { last_result: 'text', last_failure: 'text', consecutive_fails: 'bigint' } },
    { at: 'cooled_at', id: 'cooled_id', columns: { cooldown_until: 'bigint' } },
  ],
});
const minutes = accumulator({
  table: 'token_minute',
  key: { slot: 'bigint', token_id: 'text' },
  sum: ['attempts', 'successes', 'failures'],
  latest: [{ at: 'last_at', id: 'last_id', columns: { consecutive_fails: 'bigint' } }],
});
const checks = patchedTable({
  table: 'token_checks',
  key: 'token_id',
  columns: {
    checked_at: 'bigint',
    ok: 'boolean',
    failure: 'text',
    message: 'text',
    plan: 'text',
    credits_used: 'double',
    credits_limit: 'double',
    credits_reset_at: 'bigint',
    reset_at: 'bigint',
  },
});

const sendColumns = { at: 'bigint', attempt_id: 'text', token_id: 'text' } as const;

const minuteTable = { name: 'token_minute', key: ['slot', 'token_id'], retention: { column: 'slot', ms: 25 * HOUR } } as const;
/** The longest window is 3600 s + 1 s; the rest is for clocks that differ between nodes. */
const sendTable = { name: 'token_sends', key: ['at', 'attempt_id'], retention: { column: 'at', ms: HOUR + 2 * MINUTE } } as const;

interface Batch {
  readonly health: Rows;
  readonly minutes: Rows;
  readonly sends: Map<string, Row>;
  readonly checks: Changes;
}

export const tokenHealth = defineProjection<Batch>({
  name: 'tokenHealth',
  version: 1,
  tables: [{ name: 'token_health', key: ['token_id'] }, { name: 'token_checks', key: ['token_id'] }, minuteTable, sendTable],
  types: [
    'kirogate.token.used',
    'kirogate.token.failed',
    'kirogate.token.cooled-down',
    'kirogate.request.failed',
    'kirogate.request.cancelled',
    'kirogate.request.abandoned',
    'kirogate.token.donated',
    'kirogate.token.checked',
    'kirogate.token.resumed',
    'kirogate.token.removed',
  ],
  start: () => ({ health: new Map(), minutes: new Map(), sends: new Map(), checks: new Map() }),
  fold(batch, event) {
    switch (event.type) {
      case 'kirogate.token.failed':
        return foldFailed(batch, event, event.data as EventData<'kirogate.token.failed'>);
      case 'kirogate.token.cooled-down':
        return foldCooled(batch, event, event.data as EventData<'kirogate.token.cooled-down'>);
      case 'kirogate.token.donated':
      case 'kirogate.token.checked':
      case 'kirogate.token.resumed':
      case 'kirogate.token.removed':
        return foldControl(batch.checks, event);
      default:
        return foldEnd(batch, event);
    }
  },
  async flush(batch, tx, table) {
    await health.flush(batch.health, tx, table);
    await minutes.flush(batch.minutes, tx, table);
    await insertSends(batch.sends, tx, table);
    await checks.flush(batch.checks, tx, table);
  },
});

interface Attempt {
  readonly tokenId: string;
  readonly attemptId: string;
  /** When the send counts from; null: nothing was sent. */
  readonly sentAt: number | null;
  readonly startedAt: number;
  /** `neutral` is no one's fault and says nothing of the token. */
  readonly result: 'success' | 'failure' | 'neutral';
  /** What the attempt says of the token's run of failures; null: nothing. */
  readonly standing: { readonly consecutiveFails: number; readonly failure: string | null } | null;
}

function foldEnd(batch: Batch, event: StoredEvent): void {
  const end = requestEnd(event);
  for (const { tokenId, attemptId, startedAt, respondedAt, outcome } of end.attempts) {
    if (outcome === 'failed') continue; // has its own event
    const success = outcome === 'success';
    const standing = success ? { consecutiveFails: 0, failure: null } : null;
    record(batch, event, { tokenId, attemptId, sentAt: respondedAt, startedAt, result: success ? 'success' : 'neutral', standing });
  }
  if (end.outcome !== 'abandoned' || end.tokenId === null) return;
  // Nobody knows when it was sent: the latest possible moment keeps the windows safe.
  const { attemptId } = event.data as EventData<'kirogate.request.abandoned'>;
  record(batch, event, {
    tokenId: end.tokenId,
    attemptId,
    sentAt: event.time,
    startedAt: end.startedAt,
    result: 'neutral',
    standing: null,
  });
}

function foldFailed(batch: Batch, event: StoredEvent, data: EventData<'kirogate.token.failed'>): void {
  record(batch, event, {
    tokenId: event.subject.slice('token/'.length),
    attemptId: data.attemptId,
    sentAt: data.respondedAt,
    startedAt: data.startedAt,
    result: data.counts ? 'failure' : 'neutral',
    standing: { consecutiveFails: data.consecutiveFails, failure: data.failure },
  });
}

function record(batch: Batch, event: StoredEvent, attempt: Attempt): void {
  const { tokenId, attemptId, sentAt, result, standing } = attempt;
  const at = sentAt ?? attempt.startedAt;
  const slot = slotOf(at, MINUTE);
  const successes = result === 'success' ? 1 : 0;
  const failures = result === 'failure' ? 1 : 0;
  const last_at = standing ? event.time : 0;
  const last_id = standing ? event.id : '';
  const consecutive_fails = standing?.consecutiveFails ?? 0;
  minutes.add(batch.minutes, {
    slot,
    token_id: tokenId,
    attempts: sentAt === null ? 0 : 1,
    successes,
    failures,
    last_at,
    last_id,
    consecutive_fails,
  });
  if (sentAt !== null) batch.sends.set(`${sentAt}.${attemptId}`, { at: sentAt, attempt_id: attemptId, token_id: tokenId });
  if (!isPooled(tokenId)) return;
  health.add(batch.health, {
    token_id: tokenId,
    attempts: 1,
    successes,
    failures,
    last_used_at: at,
    last_at,
    last_id,
    last_result: standing ? (standing.failure === null ? 'success' : 'failure') : '',
    last_failure: standing?.failure ?? null,
    consecutive_fails,
    cooled_at: 0,
    cooled_id: '',
    cooldown_until: null,
  });
}

function foldCooled(batch: Batch, event: StoredEvent, data: EventData<'kirogate.token.cooled-down'>): void {
  const tokenId = event.subject.slice('token/'.length);
  if (!isPooled(tokenId)) return;
  health.add(batch.health, {
    token_id: tokenId,
    attempts: 0,
    successes: 0,
    failures: 0,
    last_used_at: 0,
    last_at: 0,
    last_id: '',
    last_result: '',
    last_failure: null,
    consecutive_fails: 0,
    cooled_at: event.time,
    cooled_id: event.id,
    cooldown_until: data.until,
  });
}

/** A caller's own tokens come and go with every refresh: rows for good are for the pool's. */
function isPooled(tokenId: string): boolean {
  return !tokenId.startsWith('ext-');
}

function foldControl(changes: Changes, event: StoredEvent): void {
  const id = event.subject.slice('token/'.length);
  switch (event.type) {
    case 'kirogate.token.donated':
      return checks.put(changes, id, {
        checked_at: null,
        ok: null,
        failure: null,
        message: null,
        plan: null,
        credits_used: null,
        credits_limit: null,
        credits_reset_at: null,
        reset_at: 0,
      });
    case 'kirogate.token.checked': {
      const { ok, failure, message, plan, creditsUsed, creditsLimit, resetAt } = event.data as EventData<'kirogate.token.checked'>;
      const found = plan === null ? {} : { plan };
      const credits = creditsLimit === null ? {} : { credits_used: creditsUsed, credits_limit: creditsLimit, credits_reset_at: resetAt };
      return checks.patch(changes, id, { checked_at: event.time, ok, failure, message, ...found, ...credits });
    }
    case 'kirogate.token.resumed': {
      const { cause } = event.data as EventData<'kirogate.token.resumed'>;
      return cause === 'credits' ? undefined : checks.patch(changes, id, { reset_at: event.time });
    }
    default:
      return checks.remove(changes, id);
  }
}

async function insertSends(rows: ReadonlyMap<string, Row>, tx: Queryable, table: TableName): Promise<void> {
  if (rows.size === 0) return;
  const inOrder = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  await tx.query(
    sql`insert into ${table('token_sends')} (at, attempt_id, token_id) ${rowsOf(tx.engine, sendColumns, inOrder)} on conflict do nothing`,
  );
}
