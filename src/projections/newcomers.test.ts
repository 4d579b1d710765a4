/** Which users and keys the directory may read later, and in which order it reads them. */
import { describe, expect, test } from 'vitest';
import { nothingTouched, type Touched } from './directoryTouched.js';
import { createNewcomers } from './newcomers.js';

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

describe('newcomers', () => {
  test('are read along while they are few', () => {
    const all = touched(['old', 'a'], ['old-key', 'b']);
    expect(named(createNewcomers(2).split(all, known))).toEqual([]);
    expect(named(all)).toEqual(['old', 'a', 'old-key', 'b']);
  });

  test('come later when they are many; what is known, tokens, settings and bans never do', () => {
    const all = touched(['a', 'old', 'b'], ['c', 'old-key']);
    expect(named(createNewcomers(2).split(all, known))).toEqual(['a', 'b', 'c']);
    expect(all).toEqual(touched(['old'], ['old-key']));
  });

  test('come later while others wait: a key is never there before its user', () => {
    const newcomers = createNewcomers(2);
    newcomers.add(newcomers.split(touched(['a', 'b', 'c']), known));
    newcomers.add(newcomers.split(touched([], ['d']), known));
    const order: string[][] = [];
    while (!newcomers.isEmpty()) {
      const some = newcomers.next();
      order.push(named(some));
      newcomers.done(some);
    }
    expect(order).toEqual([['a', 'b'], ['c'], ['d']]);
  });

  test('that could not be put yet are read again', () => {
    const newcomers = createNewcomers(1);
    newcomers.add(touched(['a', 'b']));
    expect([named(newcomers.next()), named(newcomers.next())]).toEqual([['a'], ['a']]);
    newcomers.clear();
    expect(newcomers.isEmpty()).toBe(true);
  });
});
