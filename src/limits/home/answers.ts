/**
 * Tells the home that upstreams answered. Headers, first output and the end often come within milliseconds: what follows at once is
 * told in their place, and Redis is called once or not at all. A send that is told later leaves its window later, never earlier.
 */
import type { SettleAttempt } from '../port.js';

export interface Answers {
  responded(attemptId: string, served: boolean): void;
  /** The settlement is on its way: it says all that a success has to say. */
  settling(attempt: Pick<SettleAttempt, 'attemptId' | 'outcome' | 'sent'>): void;
  /** Tells what waits. */
  close(): void;
}

const WAIT_MS = 25;

/** `tell` must not throw. */
export function createAnswers(tell: (attemptId: string, served: boolean) => void): Answers {
  /** Attempt → whether output has come, and what tells it in time. */
  const waiting = new Map<string, { readonly served: boolean; readonly timer: NodeJS.Timeout }>();

  const take = (attemptId: string): boolean | undefined => {
    const known = waiting.get(attemptId);
    if (known === undefined) return undefined;
    clearTimeout(known.timer);
    waiting.delete(attemptId);
    return known.served;
  };
  const flush = (attemptId: string): void => {
    const served = take(attemptId);
    if (served !== undefined) tell(attemptId, served);
  };

  return {
    responded(attemptId, served) {
      const before = waiting.get(attemptId);
      if (before?.served === true || (before !== undefined && !served)) return;
      const timer = before?.timer ?? setTimeout(flush, WAIT_MS, attemptId);
      waiting.set(attemptId, { served, timer });
    },
    settling({ attemptId, outcome, sent }) {
      if (outcome === 'success' && sent) take(attemptId);
      else flush(attemptId);
    },
    close() {
      for (const attemptId of [...waiting.keys()]) flush(attemptId);
    },
  };
}
