import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import { createSharedThrottle, createThrottle, throttleKey } from './throttle.js';

function setUp(tries = 20, addresses?: number) {
  const clock = { at: 0, now: () => clock.at, monotonic: () => clock.at };
  return { clock, throttle: createThrottle({ clock, tries, windowMs: 60_000, ...(addresses ? { addresses } : {}) }) };
}

const refusal = (run: () => unknown): AppError | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return error as AppError;
  }
};

describe('a throttle', () => {
  it('lets twenty wrong tries through and refuses the next with the wait', () => {
    const { throttle, clock } = setUp();
    for (let i = 0; i < 20; i += 1) throttle.attempt('192.0.2.1');
    clock.at = 15_000;
    expect(refusal(() => throttle.attempt('192.0.2.1'))).toMatchObject({ code: 'too_many_attempts', status: 429, retryAfterSeconds: 45 });
    expect(refusal(() => throttle.attempt('192.0.2.2'))).toBeUndefined();
    clock.at = 60_000;
    expect(refusal(() => throttle.attempt('192.0.2.1'))).toBeUndefined();
  });

  it('gives a try back when it proves right', () => {
    const { throttle } = setUp(1);
    for (let i = 0; i < 5; i += 1) throttle.attempt('192.0.2.1')();
    throttle.attempt('192.0.2.1');
    expect(refusal(() => throttle.attempt('192.0.2.1'))).toBeInstanceOf(AppError);
  });

  it('never admits more than its tries in any window, whatever the rhythm', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { maxLength: 200 }), (gaps) => {
        const { throttle, clock } = setUp(5);
        const admitted: number[] = [];
        for (const gap of gaps) {
          clock.at += gap;
          if (refusal(() => throttle.attempt('a')) === undefined) admitted.push(clock.at);
        }
        for (const start of admitted) expect(admitted.filter((at) => at >= start && at < start + 60_000).length).toBeLessThanOrEqual(5);
      }),
    );
  });

  it('forgets the quietest address when it holds too many', () => {
    const { throttle } = setUp(1, 2);
    throttle.attempt('a');
    throttle.attempt('b');
    throttle.attempt('c');
    expect(refusal(() => throttle.attempt('a'))).toBeUndefined();
    expect(refusal(() => throttle.attempt('c'))).toBeInstanceOf(AppError);
  });

  it('takes a /64 of IPv6 for one address, and a mapped IPv4 address for itself', () => {
    expect(throttleKey('2001:db8:1:2::1')).toBe(throttleKey('2001:0db8:1:2:ffff:ffff:ffff:ffff'));
    expect(throttleKey('2001:db8:1:2::1')).not.toBe(throttleKey('2001:db8:1:3::1'));
    expect(throttleKey('::1')).toBe(throttleKey('::2'));
    expect(throttleKey('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(throttleKey('192.0.2.1')).toBe('192.0.2.1');
  });
});

describe('a throttle over several nodes', () => {
  const clock = { now: () => 0, monotonic: () => 0 };
  const open = (shared: Parameters<typeof createSharedThrottle>[0]['shared']) =>
    createSharedThrottle({ name: 'login', clock, tries: 2, windowMs: 60_000, shared, secret: 'a secret for tests' });

  it('asks with a hash of the address, refuses what all nodes together refuse, and does not count that', async () => {
    const asked: string[] = [];
    let full = true;
    const throttle = open({
      count: async (who) => {
        asked.push(who);
        return full ? { retryAfterMs: 4_001 } : { takeBack: () => undefined };
      },
    });
    for (let time = 0; time < 3; time += 1) {
      await expect(throttle.attempt('192.0.2.1')).rejects.toMatchObject({ code: 'too_many_attempts', retryAfterSeconds: 5 });
    }
    full = false;
    await throttle.attempt('192.0.2.1');
    expect(new Set(asked).size).toBe(1);
    expect(asked[0]).not.toContain('192');
  });

  it('counts by itself while nobody answers, and takes back on both sides', async () => {
    const alone = open({ count: async () => null });
    await alone.attempt('a');
    await alone.attempt('a');
    await expect(alone.attempt('a')).rejects.toBeInstanceOf(AppError);
    const taken: string[] = [];
    const both = open({ count: async () => ({ takeBack: () => void taken.push('back') }) });
    for (let time = 0; time < 3; time += 1) (await both.attempt('b'))();
    expect(taken).toHaveLength(3);
  });
});
