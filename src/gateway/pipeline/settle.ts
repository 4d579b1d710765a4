/** Ends an admitted request: exactly one terminal event in the log, then the quota settled and the open record closed. */
import type { AppError } from '../../errors.js';
import type { NewEvent } from '../../events/define.js';
import type { Finished, OpenRecord } from '../../limits/port.js';
import { derivedUuid } from '../../shared/ids.js';
import { safeText } from '../../shared/safeText.js';
import { estimateRequestTokens } from '../../upstreams/tokens.js';
import type { GatewayDeps } from '../deps.js';
import { trafficEvent } from './events.js';
import { type RecordDeps, record } from './record.js';
import type { AttemptRecord, Run } from './run.js';

export type Ending = { readonly kind: 'completed' } | { readonly kind: 'failed'; readonly error: AppError } | { readonly kind: 'left' };

/** Contract §3: what is charged to the user's quotas. */
export function isCharged(ending: Ending, run: Pick<Run, 'attempts' | 'firstOutputMono'>): boolean {
  if (ending.kind === 'completed') return true;
  if (run.firstOutputMono !== null) return true;
  return ending.kind === 'left' && run.attempts.some((attempt) => attempt.sent);
}

/**
 * Resolves when the terminal event is in the log and the limits have settled. If the log refuses until the node
 * stops, the open record stays and whoever sweeps it ends the request: never two terminal events, never none.
 */
export async function settle(run: Run, ending: Ending, deps: GatewayDeps & RecordDeps): Promise<void> {
  const charged = isCharged(ending, run);
  await Promise.all([record(terminalEvent(run, ending, charged, deps), deps), ...run.settling]);
  const finished = await deps.limits.finish({ requestId: run.requestId, quota: charged ? 'keep' : 'return' });
  const { userId, keyId } = run.caller;
  const whose = { requestId: run.requestId, userId, keyId, period: run.period };
  for (const warned of finished.warned) await record(warnedEvent(whose, warned, deps), deps);
}

/** The request by which a quota crossed 80 %. */
export type Whose = Pick<OpenRecord, 'requestId' | 'userId' | 'keyId' | 'period'>;

/** Told again after a crash or a move of the limits, it has the same id: the archive keeps one for each user, quota and period. */
export function warnedEvent(
  whose: Whose,
  warned: Finished['warned'][number],
  deps: Pick<GatewayDeps, 'ids' | 'clock' | 'nodeId'>,
): NewEvent {
  const { userId, keyId } = whose;
  const period = warned.quota === 'daily' ? whose.period.day : whose.period.month;
  return trafficEvent(
    {
      id: derivedUuid(`quota.warned ${userId} ${warned.quota} ${period}`, Date.parse(period)),
      type: 'kirogate.quota.warned',
      subject: `user/${userId}`,
      key: userId,
      actor: 'system',
      correlationId: whose.requestId,
      data: { ...warned, keyId },
    },
    deps,
  );
}

/** Which terminal event an ending makes. `reason`: absent when the whole reply went out. */
export function terminalOf(run: Run, ending: Ending) {
  if (ending.kind === 'completed') return { type: 'kirogate.token.used', subject: `token/${tokenOf(run)}`, status: 200, reason: null };
  const subject = `request/${run.requestId}`;
  if (ending.kind === 'left') {
    return { type: 'kirogate.request.cancelled', subject, status: 499, reason: { code: 'client_closed', message: 'The client left.' } };
  }
  const { code, message, status } = ending.error;
  return { type: 'kirogate.request.failed', subject, status, reason: { code, message: safeText(message, 500) } };
}

const tokenOf = (run: Run): string => run.attempts.at(-1)?.tokenId ?? run.decision.chosen ?? '';

function terminalEvent(run: Run, ending: Ending, charged: boolean, deps: GatewayDeps) {
  const tokenId = tokenOf(run);
  const { userId, keyId } = run.caller;
  const { type, subject, status, reason } = terminalOf(run, ending);
  const data = {
    requestId: run.requestId,
    userId,
    keyId,
    endpoint: run.endpoint,
    model: safeText(run.request.model, 200),
    stream: run.call.stream,
    status,
    startedAt: run.startedAt,
    latencyUs: micros(deps.clock.monotonic() - run.startedMono),
    firstOutputUs: run.firstOutputMono === null ? null : micros(run.firstOutputMono - run.startedMono),
    period: run.period,
    charged,
    metered: run.caller.quota !== null,
    tokenId,
    attempts: run.attempts.map(attemptFacts),
    decision: run.decision,
    usage: usageOf(run),
  };
  const key = ending.kind === 'completed' ? tokenId : userId;
  const facts = { id: run.terminalEventId, actor: `key/${keyId}`, correlationId: run.requestId };
  return trafficEvent({ ...facts, type, subject, key, data: { ...data, ...reason } }, deps);
}

/** Written out: copying all but two members took V8 longer than the rest of the event. */
function attemptFacts(attempt: AttemptRecord): Omit<AttemptRecord, 'startedMono' | 'sent'> {
  const { attemptId, tokenId, provider, startedAt, respondedAt, durationUs, outcome, failure, status } = attempt;
  return { attemptId, tokenId, provider, startedAt, respondedAt, durationUs, outcome, failure, status };
}

const micros = (ms: number): number => Math.max(0, Math.round(ms * 1000));

/** What the upstream metered or its adapter estimated; without either, four characters a token. */
export function usageOf(run: Run) {
  const { usage } = run;
  return {
    inputTokens: usage?.inputTokens ?? (run.firstOutputMono === null ? 0 : estimateRequestTokens(run.request)),
    outputTokens: usage?.outputTokens ?? Math.ceil(run.outputChars / 4),
    cacheReadTokens: usage?.cacheReadTokens ?? 0,
    cacheWriteTokens: usage?.cacheWriteTokens ?? 0,
    estimated: usage?.estimated ?? true,
    microCredits: run.microCredits,
  };
}
