/** Looks at every pooled token now and then: refresh, plan and limits, never a completion (spec R6). Runs on one node at a time. */
import { setTimeout as timer } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Directory, DirectoryToken } from '../projections/directory.js';
import type { Clock } from '../shared/clock.js';

export interface HealthCheckerDeps {
  readonly directory: Pick<Directory, 'tokens' | 'token'>;
  /** Checks and records; rejects only for faults of ours. */
  readonly check: (tokenId: string) => Promise<unknown>;
  /** Is it this node's part? Asked before each step. Default: always. */
  readonly mayCheck?: () => Promise<boolean>;
  /** When a request was last served by this token, ms since epoch; null: never, or the last use failed. */
  readonly lastSuccess: (tokenId: string) => Promise<number | null>;
  readonly clock: Clock;
  /** Rejects when the signal aborts. Default: the real timer. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** TOKEN_HEALTH_CHECK_INTERVAL in ms. */
  readonly intervalMs: number;
  readonly logger: Logger;
}

export interface HealthChecker {
  /** Ends the running check and the loop. */
  close(): Promise<void>;
}

/** So that checks do not come in machine rhythm. */
const JITTER_MS = 30_000;
const BETWEEN_TOKENS_MS = 3_000;
/** The pool is looked at again this often for tokens that joined. */
const IDLE_MS = 1_000;

/** What an admin or the upstream itself took out of service is left alone: only an admin brings it back. */
export function isCheckable(token: Pick<DirectoryToken, 'status' | 'statusReason'>): boolean {
  if (token.status === 'invalid') return false;
  return token.status === 'active' || token.statusReason === 'failures' || token.statusReason === 'credits';
}

export function startHealthChecker(deps: HealthCheckerDeps): HealthChecker {
  const stop = new AbortController();
  const running = loop(deps, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) deps.logger.error({ err: error }, 'the health checker ended');
  });
  return {
    async close() {
      stop.abort();
      await running;
    },
  };
}

async function loop(deps: HealthCheckerDeps, signal: AbortSignal): Promise<void> {
  const wait = deps.wait ?? ((ms: number) => timer(ms, undefined, { signal }));
  const due = new Map<string, number>();
  while (!signal.aborted) {
    const next = soonest(due, deps);
    if (next === null || next.at > deps.clock.now() || !((await deps.mayCheck?.()) ?? true)) {
      await wait(IDLE_MS, signal);
      continue;
    }
    due.set(next.tokenId, deps.clock.now() + periodOf(due.size, deps));
    if (await served(next.tokenId, due, deps)) continue;
    await deps
      .check(next.tokenId)
      .catch((error: unknown) => deps.logger.warn({ err: error, tokenId: next.tokenId }, 'a token could not be checked'));
    await wait(BETWEEN_TOKENS_MS, signal);
  }
}

/** Stretched to 3 s a token where that is longer than the interval, so that a round always fits. */
function periodOf(tokens: number, deps: HealthCheckerDeps): number {
  return Math.max(deps.intervalMs, tokens * BETWEEN_TOKENS_MS) + deps.random() * JITTER_MS;
}

/** A token that served within the interval has shown its health; it is due an interval after that. */
async function served(tokenId: string, due: Map<string, number>, deps: HealthCheckerDeps): Promise<boolean> {
  if (deps.directory.token(tokenId)?.status !== 'active') return false;
  const last = await deps.lastSuccess(tokenId);
  if (last === null || deps.clock.now() - last >= deps.intervalMs) return false;
  due.set(tokenId, last + periodOf(due.size, deps));
  return true;
}

/** Keeps `due` equal to the pool: who is new waits a random part of the interval, who left is forgotten. */
function soonest(due: Map<string, number>, deps: HealthCheckerDeps): { tokenId: string; at: number } | null {
  const present = new Set<string>();
  let found: { tokenId: string; at: number } | null = null;
  for (const token of deps.directory.tokens()) {
    if (!isCheckable(token)) continue;
    present.add(token.id);
    const at = due.get(token.id) ?? deps.clock.now() + deps.random() * Math.min(deps.intervalMs, JITTER_MS);
    due.set(token.id, at);
    if (found === null || at < found.at) found = { tokenId: token.id, at };
  }
  if (due.size > present.size) for (const id of due.keys()) if (!present.has(id)) due.delete(id);
  return found;
}
