/** Which users and keys the directory may read later, and in which order it reads them. */
import { describe, expect, test } from 'vitest';
import { nothingTouched, type Touched } from './directoryTouched.js';
import { createNewcomers, type Newcomers, type Span } from './newcomers.js';

const known = { users: new Set(['old']), keys: new Set(['old-key']) };
const touched = (users: readonly string[], keys: readonly string[] = []): Touched => ({
  ...nothingTouched(),
  users: new Set(users),
  keys: new Set(keys),
  tokens: new Set(['t1', 't2', 't3', 't4']),
  settings: true,
  bans: true,
});
const named = ({ users, keys }: Touched): string[] => [...users, ...keys];

/** `created`: subjects of creations, the first at position 1. */
function open(atOnce: number, created: readonly string[] = []): Newcomers {
  const events = created.map((subject, i) => ({ position: i + 1, type: 'created', subject, time: 0, data: null }));
  const among = ({ after, upTo }: Span) => events.filter(({ position }) => position > after && position <= upTo);
  return createNewcomers({ created: async (span, limit) => among(span).slice(0, limit), atOnce });
}
/** In the order in which they are read. */
async function drained(newcomers: Newcomers, now = known): Promise<string[][]> {
  const order: string[][] = [];
  while (!newcomers.isEmpty()) {
    const some = await newcomers.next(now);
    order.push(named(some));
    newcomers.done(some);
  }
  return order;
}

describe('newcomers', () => {
  test('are read along while they are few', () => {
    const all = touched(['old', 'a'], ['old-key', 'b']);
    expect(named(open(2).split(all, known))).toEqual([]);
    expect(named(all)).toEqual(['old', 'a', 'old-key', 'b']);
  });

  test('come later when they are many; what is known, tokens, settings and bans never do', () => {
    const all = touched(['a', 'old', 'b'], ['c', 'old-key']);
    expect(named(open(2).split(all, known))).toEqual(['a', 'b', 'c']);
    expect(all).toEqual(touched(['old'], ['old-key']));
  });

  test('come later while others wait: a key is never there before its user', async () => {
    const newcomers = open(2);
    newcomers.add(newcomers.split(touched(['a', 'b', 'c']), known));
    newcomers.add(newcomers.split(touched([], ['d']), known));
    expect(await drained(newcomers)).toEqual([['a', 'b'], ['c'], ['d']]);
  });

  test('are read in the order in which they came to be, and what else was told of them is not waited for', async () => {
    const newcomers = open(2, ['user/a', 'user/b', 'key/k', 'user/c', 'key/l']);
    newcomers.createdIn({ after: 0, upTo: 2 });
    newcomers.add(newcomers.split(touched(['a', 'x']), known));
    newcomers.createdIn({ after: 2, upTo: 5 });
    const now = { users: new Set(['a']), keys: new Set<string>() };
    expect(await drained(newcomers, now)).toEqual([['a', 'b'], ['c'], ['k'], ['l'], ['x']]);
  });

  test('that could not be put yet are read again', async () => {
    const newcomers = open(1);
    newcomers.add(touched(['a', 'b']));
    expect([named(await newcomers.next(known)), named(await newcomers.next(known))]).toEqual([['a'], ['a']]);
    newcomers.clear();
    expect(newcomers.isEmpty()).toBe(true);
  });
});
