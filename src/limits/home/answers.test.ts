import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createAnswers } from './answers.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function start() {
  const told: string[] = [];
  return { told, answers: createAnswers((attemptId, served) => void told.push(`${attemptId} ${served ? 'served' : 'answered'}`)) };
}

test('headers and the first output right after them are told once, within 25 ms of the headers', () => {
  const { told, answers } = start();
  answers.responded('a', false);
  vi.advanceTimersByTime(20);
  answers.responded('a', true);
  answers.responded('a', false);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(5);
  expect(told).toEqual(['a served']);
});

test('output that comes later is told by itself', () => {
  const { told, answers } = start();
  answers.responded('a', false);
  vi.advanceTimersByTime(25);
  answers.responded('a', true);
  vi.advanceTimersByTime(25);
  expect(told).toEqual(['a answered', 'a served']);
});

test('a success that ends at once says it all; every other end is told after what came before it', () => {
  const { told, answers } = start();
  for (const id of ['success', 'failure', 'neutral']) answers.responded(id, id === 'neutral');
  answers.settling({ attemptId: 'success', outcome: 'success', sent: true });
  answers.settling({ attemptId: 'failure', outcome: 'token_failure', sent: true });
  answers.settling({ attemptId: 'neutral', outcome: 'neutral', sent: false });
  expect(told).toEqual(['failure answered', 'neutral served']);
  vi.advanceTimersByTime(100);
  expect(told).toHaveLength(2);
});

test('what waits is told at the end', () => {
  const { told, answers } = start();
  answers.responded('a', true);
  answers.close();
  expect(told).toEqual(['a served']);
  expect(vi.getTimerCount()).toBe(0);
});
