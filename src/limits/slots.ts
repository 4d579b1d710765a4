/** An attempt's place on its token, from admission to settlement: slot, window, daily count. */
import { type Now, rollDay, type TokenState } from './token.js';
import { answerSend } from './window.js';

export interface AttemptState {
  readonly token: TokenState;
  readonly requestId: string;
  readonly provider: string;
  readonly model: string;
  /** The token's epoch at admission. */
  readonly epoch: number;
  /** Monotonic. */
  readonly begunAt: number;
  /** UTC day that the send counts in. */
  readonly day: number;
  /** Monotonic; null: no headers yet. */
  respondedAt: number | null;
  /** Its success was taken as a sign that the upstream works. */
  served: boolean;
}

/** `seq`: number of this admission. */
export function takeSlot(
  token: TokenState,
  facts: { requestId: string; provider: string; model: string; seq: number },
  now: Now,
): AttemptState {
  // A ready token is not looked at when the day turns.
  rollDay(token, now.wall);
  token.window.unanswered += 1;
  token.inFlight += 1;
  token.epochInFlight += 1;
  token.dayUsed += 1;
  token.lastUsedAt = now.mono;
  token.lastSeq = facts.seq;
  const { requestId, provider, model } = facts;
  return { token, requestId, provider, model, epoch: token.epoch, begunAt: now.mono, day: token.day, respondedAt: null, served: false };
}

export function freeSlot({ token, epoch }: AttemptState): void {
  token.inFlight -= 1;
  if (epoch === token.epoch) token.epochInFlight -= 1;
}

/** The upstream never saw it. Only for an attempt without headers. */
export function returnSend({ token, day }: AttemptState): void {
  token.window.unanswered -= 1;
  if (token.day === day) token.dayUsed -= 1;
}

/** The send's time in the windows starts to run, once. */
export function answer(attempt: AttemptState, now: Now): void {
  if (attempt.respondedAt !== null) return;
  attempt.respondedAt = now.mono;
  answerSend(attempt.token.window, now.mono);
}
