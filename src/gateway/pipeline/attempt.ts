/** One upstream attempt from its admission to its settlement, with the events and commands that a failure calls for. */
import { setTimeout as wait } from 'node:timers/promises';
import { invalidateToken } from '../../commands/token/invalidate.js';
import { suspendToken } from '../../commands/token/suspend.js';
import type { HealthChange, Settled } from '../../limits/port.js';
import { safeText } from '../../shared/safeText.js';
import type { UpstreamFailure } from '../../upstreams/define.js';
import type { GatewayDeps } from '../deps.js';
import type { AdmittedAttempt } from './admit.js';
import { type EventFacts, trafficEvent } from './events.js';
import { isBeforeSending, meaningOf } from './failures.js';
import type { AttemptRecord, Run } from './run.js';

/** The upstream may notice a closed socket this much later; until then the call still counts as running there. */
const ABORT_LINGER_MS = 100;

export function beginAttempt(run: Run, admitted: AdmittedAttempt, deps: GatewayDeps): AttemptRecord {
  const attempt: AttemptRecord = {
    attemptId: admitted.attemptId,
    tokenId: admitted.tokenId,
    provider: admitted.provider,
    startedAt: deps.clock.now(),
    startedMono: deps.clock.monotonic(),
    respondedAt: null,
    sent: false,
    durationUs: 0,
    outcome: 'success',
    failure: null,
    status: null,
  };
  run.attempts.push(attempt);
  return attempt;
}

export interface Ended {
  /** null: the upstream served it. */
  readonly failure: UpstreamFailure | null;
  /** It will be tried again at once with a fresh access token: a stale one is not the token's fault, and one fault counts once. */
  readonly refreshes?: boolean;
}

/** A next try waits so long for the settlement of the last one; while the limits change their home it goes on without. */
const SETTLE_WAIT_MS = 3_000;

/**
 * Settles with the limits and records what changed; lifecycle goes through commands before the slot is free again. A reply
 * that is whole does not wait for it: `run.settling` holds what is under way. Never rejects.
 */
export async function endAttempt(run: Run, attempt: AttemptRecord, ended: Ended, deps: GatewayDeps): Promise<void> {
  const { failure } = ended;
  attempt.durationUs = Math.round((deps.clock.monotonic() - attempt.startedMono) * 1000);
  if (failure !== null && isBeforeSending(failure, attempt.respondedAt !== null)) attempt.sent = false;
  if (attempt.sent && attempt.respondedAt === null) {
    attempt.respondedAt = deps.clock.now();
    deps.limits.responded(attempt.attemptId);
  }
  attempt.status = failure === null ? 200 : (failure.status ?? null);
  if (failure !== null) {
    attempt.outcome = failure.kind === 'aborted' ? 'aborted' : 'failed';
    attempt.failure = failure.kind;
  }
  const settling = settleAttempt(run, attempt, ended, deps).catch((error: unknown) =>
    deps.logger.error({ err: error, requestId: run.requestId }, 'the limits did not take the end of an attempt'),
  );
  run.settling.push(settling);
  if (failure !== null) await atMost(SETTLE_WAIT_MS, settling);
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, wait(ms, undefined, { signal: over.signal }).catch(() => undefined)]);
  over.abort();
}

async function settleAttempt(run: Run, attempt: AttemptRecord, { failure, refreshes = false }: Ended, deps: GatewayDeps): Promise<void> {
  if (failure !== null) {
    if (failure.kind === 'aborted' && attempt.sent) await wait(ABORT_LINGER_MS);
    await changeLifecycle(run, attempt, failure, deps);
  }
  const settled = await deps.limits.settle({
    attemptId: attempt.attemptId,
    outcome: failure === null ? 'success' : refreshes ? 'neutral' : meaningOf(failure).outcome,
    retryAfterMs: failure?.retryAfterMs ?? null,
    sent: attempt.sent,
    ...(failure?.kind === 'model_unsupported' && { modelUnsupported: true }),
  });
  if (failure !== null && failure.kind !== 'aborted') await recordFailure(run, attempt, failure, settled, deps);
  await recordHealth(run, attempt.tokenId, settled, attempt, deps);
  // What failed before while no other token worked is each token's own fault, now that one does.
  for (const other of settled.others) await recordHealth(run, other.tokenId, other, attempt, deps);
}

/** A caller's own token is in no pool. */
export const isPooled = (tokenId: string): boolean => !tokenId.startsWith('ext-');

async function changeLifecycle(run: Run, attempt: AttemptRecord, failure: UpstreamFailure, deps: GatewayDeps): Promise<void> {
  if (!isPooled(attempt.tokenId)) {
    // No one administers a caller's own token: the upstream's stop is remembered, and it is not asked again.
    if (failure.kind === 'suspended') deps.access.stop(attempt.tokenId, failure);
    return;
  }
  const meta = { actor: 'system', correlationId: run.requestId };
  const message = safeText(failure.message, 300);
  try {
    const { tokenId, startedAt: observedAt } = attempt;
    if (failure.kind === 'suspended') await deps.commands.execute(suspendToken, { tokenId, reason: 'upstream', message, observedAt }, meta);
    else if (failure.kind === 'credits') {
      const until = failure.resetAt ?? null;
      const { changed } = await deps.commands.execute(suspendToken, { tokenId, reason: 'credits', until, message, observedAt }, meta);
      if (changed) deps.checkSoon?.(tokenId);
    } else if (failure.kind === 'invalid_credential') await deps.commands.execute(invalidateToken, { tokenId, message, observedAt }, meta);
  } catch (error) {
    deps.logger.error({ err: error, tokenId: attempt.tokenId, requestId: run.requestId }, 'a token could not change its state');
  }
}

async function recordFailure(
  run: Run,
  attempt: AttemptRecord,
  failure: UpstreamFailure,
  settled: Settled,
  deps: GatewayDeps,
): Promise<void> {
  const facts = {
    subject: `token/${attempt.tokenId}`,
    key: attempt.tokenId,
    actor: `key/${run.caller.keyId}`,
    correlationId: run.requestId,
  };
  const failed = {
    requestId: run.requestId,
    attemptId: attempt.attemptId,
    provider: attempt.provider,
    model: run.request.model,
    failure: failure.kind,
    status: failure.status ?? null,
    reason: failure.reason === undefined ? null : safeText(failure.reason, 200),
    message: safeText(failure.message, 500),
    startedAt: attempt.startedAt,
    respondedAt: attempt.respondedAt,
    durationUs: attempt.durationUs,
    counts: settled.counted,
    consecutiveFails: settled.consecutiveFails,
  };
  await append({ ...facts, type: 'kirogate.token.failed', data: failed }, deps);
}

/** The reply does not depend on it: its terminal event is what keeps the open record until the log takes it. */
async function append(facts: EventFacts, deps: GatewayDeps): Promise<void> {
  await deps.log
    .append(trafficEvent(facts, deps))
    .catch((error: unknown) =>
      deps.logger.error({ err: error, type: facts.type, requestId: facts.correlationId }, 'an event of an attempt could not be logged'),
    );
}

/** A rest is an event; the fifth failure in a row is a command. */
async function recordHealth(run: Run, tokenId: string, change: HealthChange, attempt: AttemptRecord, deps: GatewayDeps): Promise<void> {
  const { cooled, consecutiveFails } = change;
  if (cooled) {
    const data = { until: Math.round(cooled.until), reason: cooled.reason, consecutiveFails };
    const facts = { subject: `token/${tokenId}`, key: tokenId, actor: 'system', correlationId: run.requestId };
    await append({ ...facts, type: 'kirogate.token.cooled-down', data }, deps);
  }
  if (!change.suspend || !isPooled(tokenId)) return;
  const suspension = {
    tokenId,
    reason: 'failures' as const,
    message: `${consecutiveFails} failures in a row`,
    observedAt: attempt.startedAt,
  };
  await deps.commands
    .execute(suspendToken, suspension, { actor: 'system', correlationId: run.requestId })
    .catch((error: unknown) => deps.logger.error({ err: error, tokenId, requestId: run.requestId }, 'a token could not be suspended'));
}
