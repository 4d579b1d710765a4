import { describe, expect, it } from 'vitest';
import { createPool } from './pool.js';
import { poolToken, risingRandom, roomy, START } from './testing/fixtures.js';

const newPool = () => createPool({ settings: () => roomy, random: risingRandom(), work: { comparisons: 0 } });
const at = (ms: number) => ({ mono: ms, wall: START + ms });
const HOUR = 3_600_000;

describe('pool', () => {
  it("forgets removed tokens and callers' own ones once an hour has gone, and no others", () => {
    const pool = newPool();
    for (let i = 0; i < 100; i += 1) pool.put(poolToken(`ext-${i}`, { visibility: 'external', position: 0 }), at(0));
    pool.put(poolToken('stays'), at(0));
    pool.put(poolToken('removed'), at(0));
    pool.remove('removed', 2, at(0));
    for (let i = 0; i < 200; i += 1) pool.sweep(at(HOUR - 1));
    expect(pool.get('ext-7')).toBeDefined();
    for (let i = 0; i < 200; i += 1) pool.sweep(at(HOUR));
    expect(['ext-0', 'ext-99', 'removed', 'stays'].map((id) => pool.get(id)?.id)).toEqual([undefined, undefined, undefined, 'stays']);
  });

  it('keeps a state with a running call, whatever happens to the token', () => {
    const pool = newPool();
    pool.put(poolToken('a'), at(0));
    const token = pool.get('a');
    if (token === undefined) throw new Error('not there');
    token.inFlight = 1;
    pool.remove('a', 2, at(0));
    for (let i = 0; i < 20; i += 1) pool.sweep(at(9 * HOUR));
    expect(pool.get('a')).toBe(token);
  });

  it('counts the tokens in service of each provider', () => {
    const pool = newPool();
    pool.put(poolToken('a'), at(0));
    pool.put(poolToken('b'), at(0));
    pool.put(poolToken('c', { provider: 'other' }), at(0));
    pool.put(poolToken('ext-1', { visibility: 'external' }), at(0));
    expect(pool.activeTokens('kiro')).toBe(2);
    pool.put(poolToken('b', { status: 'suspended', position: 2 }), at(0));
    pool.remove('c', 3, at(0));
    expect([pool.activeTokens('kiro'), pool.activeTokens('other')]).toEqual([1, 0]);
  });

  it('leaves no group behind when the last token of it has gone', () => {
    const pool = newPool();
    pool.put(poolToken('a', { ownerId: 'u', models: ['opus'] }), at(0));
    const serving = (scope: string) => {
      const found: Parameters<typeof pool.addServing>[0] = [];
      pool.addServing(found, scope, 'kiro', 'opus');
      return found.length;
    };
    expect([serving('user/u'), serving('public')]).toEqual([1, 1]);
    pool.put(poolToken('a', { ownerId: 'u', visibility: 'private', models: null, position: 2 }), at(0));
    expect([serving('user/u'), serving('public')]).toEqual([1, 0]);
    pool.remove('a', 3, at(0));
    expect([serving('user/u'), serving('public')]).toEqual([0, 0]);
  });
});
