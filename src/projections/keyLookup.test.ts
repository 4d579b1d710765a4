import { describe, expect, test } from 'vitest';
import { createKeyLookup } from './keyLookup.js';

function harness(existing: readonly string[] = []) {
  let now = 0;
  const asked: (readonly string[])[] = [];
  let caughtUp = 0;
  const open: (() => void)[] = [];
  const lookup = createKeyLookup({
    exist: async (hashes) => {
      asked.push([...hashes]);
      await new Promise<void>((resolve) => open.push(resolve));
      return hashes.some((hash) => existing.includes(hash));
    },
    catchUp: async () => {
      caughtUp += 1;
    },
    clock: { now: () => now, monotonic: () => now },
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    lookup,
    asked,
    caughtUp: () => caughtUp,
    pass(ms: number) {
      now += ms;
    },
    /** Lets the query that runs now answer. */
    async answer() {
      await turn();
      open.shift()?.();
      await turn();
    },
  };
}

describe('the look-up of unknown keys', () => {
  test('asks once for the same hash, however many wait', async () => {
    const { lookup, asked, answer } = harness();
    const waiting = Array.from({ length: 20 }, () => lookup.ask('a'));
    await answer();
    await Promise.all(waiting);
    expect(asked).toEqual([['a']]);
  });

  test('asks for all that came meanwhile in one query, one query at a time', async () => {
    const { lookup, asked, answer } = harness();
    const first = lookup.ask('a');
    await new Promise((resolve) => setImmediate(resolve));
    const rest = ['b', 'c', 'd'].map((hash) => lookup.ask(hash));
    expect(asked).toEqual([['a']]);
    await answer();
    await answer();
    await Promise.all([first, ...rest]);
    expect(asked).toEqual([['a'], ['b', 'c', 'd']]);
  });

  test('brings the directory up to date only when there is something', async () => {
    const { lookup, caughtUp, answer } = harness(['real']);
    const fake = lookup.ask('fake');
    await answer();
    await fake;
    expect(caughtUp()).toBe(0);
    const real = lookup.ask('real');
    await answer();
    await real;
    expect(caughtUp()).toBe(1);
  });

  test('does not ask again for two seconds, then does', async () => {
    const { lookup, answer, pass } = harness();
    const asked = lookup.ask('a');
    await answer();
    await asked;
    expect(lookup.ask('a')).toBeNull();
    pass(2_001);
    expect(lookup.ask('a')).not.toBeNull();
  });

  test('holds a flood of made-up keys within bounds', async () => {
    const { lookup, asked, answer } = harness();
    const answers = Array.from({ length: 5_000 }, (_, index) => lookup.ask(`made-up-${index}`));
    expect(answers.filter((one) => one !== null)).toHaveLength(500);
    await answer();
    await answer();
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  test('asks again after the database failed', async () => {
    let broken = true;
    const lookup = createKeyLookup({
      exist: () => (broken ? Promise.reject(new Error('gone')) : Promise.resolve(false)),
      catchUp: async () => undefined,
      clock: { now: () => 0, monotonic: () => 0 },
    });
    await expect(lookup.ask('a')).rejects.toThrow('gone');
    broken = false;
    await expect(lookup.ask('a')).resolves.toBeUndefined();
  });
});
