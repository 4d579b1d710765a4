/** A piece of the panels that loads when it is wanted: late, not at all, and after an upgrade. */
import { describe, expect, it } from 'vitest';
import { createChunk } from './chunk';

function start(renew: () => Promise<boolean> = async () => false) {
  const asked: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  const waits: { ms: number; run: () => void }[] = [];
  let settled = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    settled = resolve;
  });
  const chunk = createChunk(
    () =>
      new Promise<string>((resolve, reject) => {
        asked.push({ resolve, reject });
      }),
    {
      renew,
      later(ms, run) {
        waits.push({ ms, run });
        return settled;
      },
    },
  );
  const changed = (): Promise<void> =>
    new Promise((resolve) => {
      const leave = chunk.subscribe(() => {
        leave();
        resolve();
      });
    });
  return { chunk, asked, waits, changed, over };
}

describe('a piece that is loaded when it is wanted', () => {
  it('is asked for once, however many want it', async () => {
    const { chunk, asked, changed } = start();
    chunk.want();
    chunk.want();
    expect([asked.length, chunk.state().status]).toEqual([1, 'waiting']);
    asked[0]?.resolve('page');
    await changed();
    chunk.want();
    expect([asked.length, chunk.state()]).toEqual([1, { status: 'there', value: 'page' }]);
  });

  it('says that it could not be had, and is asked for again on demand', async () => {
    const { chunk, asked, changed, over } = start();
    chunk.want();
    asked[0]?.reject(new TypeError('Failed to fetch dynamically imported module'));
    await changed();
    expect(chunk.state()).toMatchObject({ status: 'failed', error: { code: 'network' } });
    await over;
    chunk.want();
    expect([asked.length, chunk.state().status]).toEqual([2, 'waiting']);
    asked[1]?.resolve('page');
    await changed();
    expect(chunk.state().status).toBe('there');
  });

  it('says after 20 s that nobody answers, and takes what comes later all the same', async () => {
    const { chunk, asked, waits, changed } = start();
    chunk.want();
    expect(waits.map(({ ms }) => ms)).toEqual([20_000]);
    waits[0]?.run();
    expect(chunk.state().status).toBe('failed');
    chunk.want();
    expect([asked.length, waits.length, chunk.state().status]).toEqual([1, 2, 'waiting']);
    asked[0]?.resolve('page');
    await changed();
    expect(chunk.state().status).toBe('there');
  });

  it('keeps waiting while the page is loaded anew, for its own build is gone', async () => {
    let renewed = 0;
    const { chunk, asked, over } = start(async () => {
      renewed += 1;
      return true;
    });
    chunk.want();
    asked[0]?.reject(new Error('404'));
    await over;
    expect([renewed, chunk.state().status]).toEqual([1, 'waiting']);
  });
});
