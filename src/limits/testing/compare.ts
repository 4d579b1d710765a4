/** An adapter's answers in the words of the oracle. */
import { expect } from 'vitest';
import type { Admitted, Refusal } from '../port.js';

export function shapeOf(answer: Admitted | Refusal | null): unknown {
  if (answer === null) return null;
  if (!answer.ok) return { ok: false, code: answer.code, retryAfterMs: answer.retryAfterMs };
  return { ok: true, tokenId: answer.tokenId, reason: answer.decision.reason, considered: answer.decision.considered };
}

/** What was decided, without why. */
export function choiceOf(answer: Admitted | Refusal): unknown {
  if (!answer.ok) return shapeOf(answer);
  const { tokenId, provider, model } = answer;
  return { ok: true, tokenId, provider, model };
}

export const refusedOnly = (answer: { ok: boolean }): unknown => (answer.ok ? null : answer);

export function checkDecision({ tokenId, decision }: Admitted): void {
  const ids = decision.candidates.map((one) => one.tokenId);
  expect(ids.length).toBeLessThanOrEqual(8);
  expect(new Set(ids).size).toBe(ids.length);
  expect(decision.candidates.find((one) => one.tokenId === tokenId)).toMatchObject({ refused: null });
  expect(decision.chosen).toBe(tokenId);
}
