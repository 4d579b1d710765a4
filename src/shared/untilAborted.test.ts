import { describe, expect, it } from 'vitest';
import { untilAborted } from './untilAborted.js';

const never = new Promise<string>(() => undefined);

describe('waiting until aborted', () => {
  it('answers with the work', async () => {
    const { signal } = new AbortController();
    expect(await untilAborted(Promise.resolve('done'), signal)).toBe('done');
    await expect(untilAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
  });

  it('rejects with the reason, also when the signal was aborted before', async () => {
    const abort = new AbortController();
    const waiting = untilAborted(never, abort.signal);
    abort.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    await expect(untilAborted(never, abort.signal)).rejects.toThrow('left');
  });

  it('leaves nobody to answer for work that fails later', async () => {
    let fail = (_: Error): void => {};
    const work = new Promise<string>((_, reject) => {
      fail = reject;
    });
    await expect(untilAborted(work, AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
    fail(new Error('late'));
    await new Promise(setImmediate); // by now a rejection without a handler would have failed the run
  });
});
