/** The moment that a refusal names is the moment of release: not one millisecond before, and not after. */
import { describe, expect, it } from 'vitest';
import type { LimitSettings, PoolToken } from '../port.js';
import { type Context, DAY_END, START } from './context.js';
import { poolToken } from './fixtures.js';

interface Case {
  readonly name: string;
  readonly code: string;
  readonly waitMs: number;
  readonly settings?: Partial<LimitSettings>;
  readonly token?: Partial<PoolToken>;
  prepare(on: Context): Promise<unknown>;
}

const failures = (outcome: 'token_failure' | 'risk', times: number) => async (on: Context) => {
  for (let i = 0; i < times; i += 1) await on.fail(`f${i}`, {}, outcome);
};
const served = (times: number) => async (on: Context) => {
  for (let i = 0; i < times; i += 1) {
    await on.serve(`s${i}`);
    on.clock.advance(7_003);
  }
};

const cases: readonly Case[] = [
  { name: 'the minute window', code: 'pool_exhausted', waitMs: 61_000 - 14_006, settings: { tokenRpmLimit: 2 }, prepare: served(2) },
  { name: 'the hour window', code: 'pool_exhausted', waitMs: 3_601_000 - 14_006, settings: { tokenRphLimit: 2 }, prepare: served(2) },
  { name: 'cooling after two failures', code: 'pool_exhausted', waitMs: 300_000, prepare: failures('token_failure', 2) },
  { name: 'cooling after account risk', code: 'pool_exhausted', waitMs: 1_800_000, prepare: failures('risk', 1) },
  { name: "a donor's cap", code: 'pool_exhausted', waitMs: DAY_END - START - 14_006, token: { dailyCap: 2 }, prepare: served(2) },
  {
    name: 'both windows, the later end',
    code: 'pool_exhausted',
    waitMs: 3_601_000 - 14_006,
    settings: { tokenRpmLimit: 1, tokenRphLimit: 1 },
    prepare: (on) => served(1)(on).then(() => on.clock.advance(7_003)),
  },
  {
    name: 'credits that come back',
    code: 'no_token_available',
    waitMs: 1_234_567,
    token: { parkedUntil: START + 1_234_567 },
    prepare: () => Promise.resolve(),
  },
  { name: 'a shortage of capacity', code: 'upstream_overloaded', waitMs: 1_000, prepare: (on) => on.fail('1', {}, 'capacity') },
  {
    name: 'the breaker',
    code: 'upstream_overloaded',
    waitMs: 5_000,
    async prepare(on) {
      for (let i = 0; i < 20; i += 1) await on.fail(`f${i}`, {}, 'upstream_failure');
    },
  },
];

export function releaseCases(on: Context): void {
  describe('the wait that a refusal names', () => {
    it.each(cases)('ends with $name, to the millisecond', async ({ code, waitMs, settings = {}, token = {}, prepare }) => {
      await on.start(settings, [poolToken('a', token)]);
      await prepare(on);
      expect(await on.admit('now')).toMatchObject({ ok: false, code, retryAfterMs: waitMs });
      on.clock.advance(waitMs - 1);
      expect(await on.admit('before')).toMatchObject({ ok: false, code, retryAfterMs: 1 });
      on.clock.advance(1);
      expect(await on.codeOf('then')).toBe('a');
    });

    it('is that of the first token to be free, whatever holds each', async () => {
      await on.start(
        { tokenRpmLimit: 2 },
        ['rate', 'cold', 'other'].map((id) => poolToken(id)),
      );
      for (const id of ['1', '2']) await on.fail(id, { onlyTokenId: 'cold' });
      for (const id of ['3', '4']) await on.serve(id, { onlyTokenId: 'rate' });
      for (const id of ['5', '6']) await on.serve(id, { onlyTokenId: 'other' });
      on.clock.advance(1_000);
      expect(await on.admit('7')).toMatchObject({ code: 'pool_exhausted', retryAfterMs: 60_000 });
      on.clock.advance(60_000);
      expect(await on.codeOf('8')).toBe('rate');
    });
  });
}
