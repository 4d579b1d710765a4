/** Leader election over a real Redis: by its own clock, and by the test's clock where minutes go by. */
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import { createTestClock, type TestClock } from '../limits/testing/fixtures.js';
import { systemClock } from '../shared/clock.js';
import { type Leader, type LeaderChange, startLeader } from './leader.js';
import { createHandTimers } from './testing/kit.js';

const logger = pino({ level: 'silent' });
let server: TestRedis;
let redis: RedisConnection;
let offices = 0;

beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

/** A script that comes late runs at the server's time, not at that of its sender. */
const timed = (clock: TestClock, args: readonly (string | number)[]): readonly (string | number)[] =>
  typeof args[0] === 'number' ? [clock.now(), ...args.slice(1)] : args;

/** One run that may be cut off from Redis, or frozen while a request is on its way there or back. */
class Candidate {
  readonly changes: LeaderChange[] = [];
  isCut = false;
  freezeAt: 'request' | 'reply' | null = null;
  readonly leader: Leader;
  readonly #timers = createHandTimers();
  readonly #pending = new Set<Promise<unknown>>();
  #thaw: (() => void) | null = null;

  constructor(clock: TestClock, office: string, name: string, onChange: (change: LeaderChange) => void = () => undefined) {
    this.leader = startLeader({
      redis: {
        isReady: () => !this.isCut,
        run: (script, keys, args) => {
          const work = this.#run(() => redis.run(script, keys, timed(clock, args)));
          this.#pending.add(work);
          const done = (): void => void this.#pending.delete(work);
          work.then(done, done);
          return work;
        },
      },
      runId: name,
      nodeId: `node-${name}`,
      office,
      clock,
      logger,
      every: this.#timers.every,
      serverTime: () => clock.now(),
      onChange: (change) => {
        this.changes.push(change);
        onChange(change);
      },
    });
  }

  get isFrozen(): boolean {
    return this.#thaw !== null;
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.isCut) throw new Error('cut off');
    const at = this.freezeAt;
    this.freezeAt = null;
    const thawed =
      at === null
        ? null
        : new Promise<void>((resolve) => {
            this.#thaw = resolve;
          });
    if (at === 'request') await thawed;
    const reply = await work();
    if (at === 'reply') await thawed;
    if (this.isCut) throw new Error('cut off');
    return reply;
  }

  /** Ends when the run waits for nothing, or is frozen. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0 && !this.isFrozen) await Promise.race([...this.#pending].map((work) => work.catch(() => undefined)));
    await new Promise((resolve) => setImmediate(resolve));
  }

  async poll(): Promise<void> {
    await this.settled();
    if (!this.isFrozen) this.#timers.turn();
    await new Promise((resolve) => setImmediate(resolve));
    await this.settled();
  }

  async thaw(): Promise<void> {
    this.#thaw?.();
    this.#thaw = null;
    this.freezeAt = null;
    await this.settled();
  }
}

/** An office whose Redis is known to be no new one. */
async function openOffice(): Promise<{ clock: TestClock; office: string }> {
  const clock = createTestClock();
  const office = `office${offices++}`;
  await redis.command('HSET', `kirogate:${office}:terms`, 'term', 0);
  return { clock, office };
}

async function pair() {
  const { clock, office } = await openOffice();
  const one = new Candidate(clock, office, 'one');
  await one.settled();
  const two = new Candidate(clock, office, 'two');
  await two.settled();
  return { clock, office, one, two };
}

describe('a leader', () => {
  it('is the first to ask, with a lease of 60 s that the others see', async () => {
    const { office, one, two } = await pair();
    expect([one.leader.isLeader(), two.leader.isLeader()]).toEqual([true, false]);
    expect([one.leader.term(), two.leader.term()]).toEqual([1, null]);
    expect(one.changes).toEqual([{ office, from: null, to: 'node-one', term: 1 }]);
    const ttl = Number(await redis.command('PTTL', `kirogate:${office}:leader`));
    expect(ttl).toBeGreaterThan(50_000);
    expect(ttl).toBeLessThanOrEqual(60_000);
  });

  it('that stops is replaced at once', async () => {
    const { one, two } = await pair();
    await one.leader.close();
    expect(one.leader.isLeader()).toBe(false);
    await two.poll();
    expect(two.leader.term()).toBe(2);
    expect(one.changes.at(-1)).toMatchObject({ from: 'node-one', to: null });
    expect(two.changes).toMatchObject([{ from: null, to: 'node-two', term: 2 }]);
  });

  it('that is killed is replaced within 65 s, and not before its lease ended', async () => {
    const { clock, two } = await pair();
    clock.advance(59_000);
    await two.poll();
    expect(two.leader.isLeader()).toBe(false);
    clock.advance(1_000);
    await two.poll();
    expect(two.leader.isLeader()).toBe(true);
    expect(two.changes).toMatchObject([{ from: 'node-one', to: 'node-two', term: 2 }]);
  });

  it('renews every 30 s and stays', async () => {
    const { clock, one, two } = await pair();
    for (let second = 0; second < 200; second += 1) {
      clock.advance(1_000);
      await one.poll();
      await two.poll();
    }
    expect(one.leader.term()).toBe(1);
    expect(one.changes).toHaveLength(1);
  });

  it('stops at once when it loses Redis, and comes back with a new term', async () => {
    const { clock, one } = await pair();
    one.isCut = true;
    expect(one.leader.isLeader()).toBe(false);
    expect(await one.leader.check()).toBe(false);
    clock.advance(1_000);
    await one.poll();
    expect(one.changes.at(-1)).toMatchObject({ from: 'node-one', to: null, term: 1 });
    one.isCut = false;
    await one.poll();
    expect(one.leader.term()).toBe(2);
  });

  it('that was frozen for a minute is none when it goes on, before it has asked anybody', async () => {
    const { clock, one, two } = await pair();
    clock.advance(61_000);
    await two.poll();
    expect([one.leader.isLeader(), two.leader.isLeader()]).toEqual([false, true]);
    expect(await one.leader.check()).toBe(false);
    await one.poll();
    expect(one.changes.at(-1)).toMatchObject({ to: null, term: 1 });
  });

  it('hears before its next step that the office is not its own any more', async () => {
    const { office, one } = await pair();
    expect(await one.leader.check()).toBe(true);
    await redis.command('HSET', `kirogate:${office}:leader`, 'term', 9);
    expect(await one.leader.check()).toBe(false);
    expect(one.leader.isLeader()).toBe(false);
  });

  it.each(['request', 'reply'] as const)('is nobody whose claim was answered too late, its %s being held up', async (at) => {
    const { clock, office } = await openOffice();
    await redis.command('HSET', `kirogate:${office}:leader`, 'run', 'x', 'node', 'x', 'term', '0', 'until', clock.now() + 500);
    const slow = new Candidate(clock, office, 'slow');
    await slow.settled();
    clock.advance(1_000);
    slow.freezeAt = at;
    await slow.poll();
    clock.advance(56_000);
    await slow.thaw();
    expect(slow.leader.isLeader()).toBe(false);
    expect(slow.changes).toEqual([]);
    await slow.poll();
    expect(slow.leader.isLeader()).toBe(true);
  });

  it('is nobody for a lease after Redis forgot the terms', async () => {
    const { clock, office, one, two } = await pair();
    await redis.command('DEL', `kirogate:${office}:leader`, `kirogate:${office}:terms`);
    await two.poll();
    await one.poll();
    await one.poll();
    expect([one.leader.isLeader(), two.leader.isLeader()]).toEqual([false, false]);
    clock.advance(60_000);
    await two.poll();
    expect(two.leader.term()).toBe(2);
  });

  it('treats a hash of something else as no lease', async () => {
    const { clock, office } = await openOffice();
    await redis.command('HSET', `kirogate:${office}:leader`, 'nonsense', 1);
    const one = new Candidate(clock, office, 'one');
    await one.settled();
    expect(one.leader.isLeader()).toBe(true);
  });

  it('runs by the clock of Redis and real timers, and begins on a new Redis within seconds', async () => {
    const office = `office${offices++}`;
    const one = startLeader({ redis, runId: 'r1', nodeId: 'n1', office, clock: systemClock, logger });
    const two = startLeader({ redis, runId: 'r2', nodeId: 'n2', office, clock: systemClock, logger });
    await vi.waitFor(() => expect([one.isLeader(), two.isLeader()].filter(Boolean)).toHaveLength(1), { timeout: 15_000 });
    const [first, second] = one.isLeader() ? [one, two] : [two, one];
    expect(await first.check()).toBe(true);
    await first.close();
    await vi.waitFor(() => expect(second.isLeader()).toBe(true), { timeout: 5_000 });
    expect(second.term()).toBe(2);
    await second.close();
    expect(await redis.command('EXISTS', `kirogate:${office}:leader`)).toBe(0);
  });
});

type Step =
  | { readonly do: 'poll' | 'check' | 'thaw' | 'cut' | 'join' | 'restart'; readonly who: number }
  | { readonly do: 'freeze'; readonly who: number; readonly at: 'request' | 'reply' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'forget' };

const who = fc.nat({ max: 2 });
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('poll' as const, 'check' as const), who }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('thaw' as const, 'cut' as const, 'join' as const, 'restart' as const), who }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('freeze' as const), who, at: fc.constantFrom('request' as const, 'reply' as const) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('pass' as const),
        ms: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 20_000, max: 70_000 })),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
  ),
  { minLength: 10, maxLength: 60 },
);

describe('never two leaders', () => {
  it('whoever is frozen, cut off, restarted or forgotten by Redis, and one again when all is well', async () => {
    await fc.assert(
      fc.asyncProperty(steps as fc.Arbitrary<readonly Step[]>, async (history) => {
        const { clock, office } = await openOffice();
        const terms: number[] = [];
        const forgets = history.some((step) => step.do === 'forget');
        let count = 0;
        const onChange = ({ to, term }: LeaderChange): void => {
          if (to !== null) terms.push(term);
        };
        const create = (): Candidate => new Candidate(clock, office, `run${count++}`, onChange);
        const all = [create(), create(), create()];
        const at = (index: number): Candidate => all[index] as Candidate;
        for (const one of all) await one.settled();
        const check = (): void => {
          expect(all.filter(({ leader }) => leader.isLeader()).length).toBeLessThanOrEqual(1);
          // A Redis that forgot may have forgotten terms that only a frozen run has seen.
          if (!forgets) expect(terms).toEqual([...new Set(terms)].sort((a, b) => a - b));
        };
        for (const step of history) {
          await play(step, { clock, office, at, all, create });
          check();
        }
        for (const one of all) {
          one.isCut = false;
          await one.thaw();
        }
        for (let i = 0; i < 3; i += 1) {
          clock.advance(61_000);
          for (const one of all) {
            await one.poll();
            check();
          }
        }
        expect(all.filter(({ leader }) => leader.isLeader())).toHaveLength(1);
      }),
      { numRuns: 150 },
    );
  });
});

interface Stage {
  readonly clock: TestClock;
  readonly office: string;
  readonly all: Candidate[];
  readonly at: (index: number) => Candidate;
  readonly create: () => Candidate;
}

async function play(step: Step, { clock, office, all, at, create }: Stage): Promise<void> {
  switch (step.do) {
    case 'pass':
      return clock.advance(step.ms);
    case 'poll':
      return at(step.who).poll();
    case 'check':
      // A frozen run asks nothing; what it asked before must not hold up the test.
      if (!at(step.who).isFrozen && at(step.who).freezeAt === null) await at(step.who).leader.check();
      return;
    case 'freeze':
      if (!at(step.who).isFrozen) at(step.who).freezeAt = step.at;
      return at(step.who).poll();
    case 'thaw':
      return at(step.who).thaw();
    case 'cut':
      at(step.who).isCut = true;
      return;
    case 'join':
      at(step.who).isCut = false;
      return;
    case 'restart': {
      // Killed without a word; another run of the node starts.
      all[step.who] = create();
      return at(step.who).settled();
    }
    case 'forget': {
      // Somebody who has seen terms must be there to say so: a Redis that is new to all is a new installation.
      const witness = all.find((one) => !one.isFrozen && !one.isCut && one.freezeAt === null && one.leader.term() === null);
      if (witness === undefined) return;
      await witness.poll();
      if (witness.leader.isLeader()) return;
      await redis.command('DEL', `kirogate:${office}:leader`, `kirogate:${office}:terms`);
      await witness.poll();
    }
  }
}
