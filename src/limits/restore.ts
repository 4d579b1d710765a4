/** Takes up what an earlier run knew of a token. */
import { dayNumber } from './period.js';
import type { TokenHistory } from './port.js';
import { addResult } from './results.js';
import type { Now, TokenState } from './token.js';
import { addAnswered } from './window.js';

/** Once per token: a second time would count its sends twice. Times of the past become times of this clock. */
export function restoreToken(token: TokenState, history: TokenHistory, now: Now): void {
  if (token.restored) return;
  token.restored = true;
  const monoOf = (wall: number): number => now.mono - (now.wall - wall);
  addAnswered(token.window, history.sends.map(monoOf), now.mono);
  const since = history.lastUsedAt === null ? now.mono : Math.min(now.mono, monoOf(history.lastUsedAt));
  for (const ok of history.results.slice(-100)) addResult(token.results, ok, since);
  token.fails = Math.max(token.fails, history.consecutiveFails);
  if (history.cooldownUntil !== null) token.cooldownUntil = Math.max(token.cooldownUntil, monoOf(history.cooldownUntil));
  token.halfOpen = token.halfOpen || token.fails >= 2 || token.cooldownUntil > now.mono;
  if (history.lastUsedAt !== null) token.lastUsedAt = Math.max(token.lastUsedAt ?? since, since);
  if (history.dayUsed === undefined) return;
  token.day = dayNumber(now.wall);
  token.dayUsed = Math.max(token.dayUsed, history.dayUsed);
}
