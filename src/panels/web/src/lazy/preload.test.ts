/** Which pages are loaded ahead, and when that ends. */
import { describe, expect, it } from 'vitest';
import { preloadWhenIdle } from './preload';

async function loaded(fails: string, stopAfter = ''): Promise<string[]> {
  const asked: string[] = [];
  const idle: (() => Promise<void>)[] = [];
  const load = (name: string) => async () => {
    asked.push(name);
    if (name === fails) throw new Error('away');
  };
  const stop = preloadWhenIdle(['a', 'b', 'c'].map(load), (run) => {
    idle.push(run);
    return () => void idle.splice(0);
  });
  for (let run = idle.shift(); run; run = idle.shift()) {
    await run();
    if (asked.at(-1) === stopAfter) stop();
  }
  return asked;
}

describe('the pages of a panel', () => {
  it('are loaded one after another while the browser is idle', async () => {
    expect(await loaded('')).toEqual(['a', 'b', 'c']);
  });

  it('are left to be opened once one could not be had, or the panel was left', async () => {
    expect([await loaded('b'), await loaded('', 'a')]).toEqual([['a', 'b'], ['a']]);
  });
});
