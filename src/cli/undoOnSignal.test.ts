import { afterEach, expect, test, vi } from 'vitest';
import { undoOnSignal } from './undoOnSignal.js';

afterEach(() => vi.restoreAllMocks());

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)('%s takes back what was begun, and ends with %i, until the work is done', (signal, code) => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const before = process.listenerCount(signal);
  let undone = 0;
  const done = undoOnSignal(() => {
    undone += 1;
  });
  process.listeners(signal).at(-1)?.(signal);
  expect(undone).toBe(1);
  expect(exit).toHaveBeenCalledWith(code);
  done();
  expect(process.listenerCount(signal)).toBe(before);
});
