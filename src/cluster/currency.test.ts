/** Runs that tell each other how new their copy of the control events is, under one clock that the test turns. */
import pino from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { RedisConnection } from '../infra/redis/connection.js';
import { type CurrencyService, startCurrency } from './currency.js';
import type { NodeRun } from './nodeRun.js';
import { createHandTimers, seenRun } from './testing/kit.js';

const services: CurrencyService[] = [];
afterEach(async () => {
  for (const one of services.splice(0)) await one.close();
  words.clear();
});

let time = 1_000_000;
const words = new Map<string, string>();
/** What has been committed, and what the stream has of it. */
const store = { head: 0, relayed: 0 };
/** What the database was read to say of the runs. */
const known = { living: [] as NodeRun[], readAt: 0 };

/** As the scripts do it; `currency.int.test.ts` asks them themselves. */
const redis: Pick<RedisConnection, 'command' | 'run'> = {
  async run(script, _keys, [runId, word]) {
    if (script.name === 'sayWord') words.set(`${runId}`, `${word} ${time}`);
    return script.name === 'sayWord' ? time : [time, ...[...words].flat()];
  },
  async command(_name, _key, ...runs) {
    for (const runId of runs) words.delete(`${runId}`);
    return runs.length;
  },
};

interface Run {
  readonly currency: CurrencyService;
  readonly position: () => number;
  hasDatabase: boolean;
  hasRedis: boolean;
  /** Of the limits' home, as it knows it. */
  homeTerm: number;
  /** Follows, speaks and listens as it does all the time. */
  turn(): Promise<void>;
  /** Commits one command and answers when it is confirmed. */
  command(): Promise<void>;
}

async function run(runId: string): Promise<Run> {
  const links = { hasDatabase: true, hasRedis: true, homeTerm: 4 };
  const timers = createHandTimers();
  const listeners = new Set<() => void>();
  let position = store.head;
  let followedAt = time;
  const reach = <T>(ask: () => Promise<T>): Promise<T> => (links.hasRedis ? ask() : Promise.reject(new Error('away')));
  const follow = (): void => {
    if (!links.hasDatabase) return;
    position = store.head;
    followedAt = time;
    for (const listener of listeners) listener();
  };
  const currency = await startCurrency({
    runId,
    redis: {
      command: (...args) => reach(() => redis.command(...args)),
      run: (...args) => reach(() => redis.run(...args)),
    },
    directory: {
      position: () => position,
      followedAt: () => followedAt,
      onFollowed: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
    readAhead: async () => {
      position = Math.max(position, store.relayed);
    },
    homeTerm: () => links.homeTerm,
    known: () => known,
    clock: { now: () => time, monotonic: () => time },
    logger: pino({ level: 'silent' }),
    every: timers.every,
    pause: async (ms) => {
      time += ms;
      await self.turn();
    },
  });
  const self: Run = Object.assign(links, {
    currency,
    position: () => position,
    async turn() {
      follow();
      timers.turn();
      // Nothing here takes longer than a few turns of the promises' queue.
      await new Promise(setImmediate);
    },
    async command() {
      store.head += 1;
      const told = currency.committed(store.head);
      follow();
      await told;
    },
  });
  services.push(currency);
  return self;
}

async function cluster(...names: string[]): Promise<Run[]> {
  Object.assign(store, { head: 3, relayed: 3 });
  Object.assign(known, { living: names.map((name) => seenRun(name)), readAt: time });
  const runs: Run[] = [];
  for (const name of names) runs.push(await run(name));
  await pass(runs, 500);
  return runs;
}

/** The runs live through so many ms. */
async function pass(runs: readonly Run[], ms: number): Promise<void> {
  for (const end = time + ms; time < end; ) {
    time += 50;
    for (const one of runs) await one.turn();
  }
}

describe('a run that follows the database', () => {
  it('is current and asks nobody', async () => {
    const [a] = await cluster('a', 'b');
    if (!a) throw new Error('no run');
    a.hasRedis = false;
    await pass([a], 5_000);
    expect(a.currency.isCurrent()).toBe(true);
  });

  it('takes the words of dead runs away, and no others', async () => {
    const [a] = await cluster('a', 'b');
    if (!a) throw new Error('no run');
    words.set('killed', 'follows 1 1 1 1').set('starting', `follows 1 1 1 ${time + 4_000}`);
    await pass([a], 3_000);
    expect([...words.keys()].sort()).toEqual(['a', 'b', 'starting']);
  });

  it('takes none away while the database does not say who lives', async () => {
    const [a] = await cluster('a', 'b');
    if (!a) throw new Error('no run');
    known.living = known.living.map((one) => ({ ...one, stale: true }));
    words.set('killed', 'follows 1 1 1 1');
    await pass([a], 3_000);
    expect(words.has('killed')).toBe(true);
  });
});

describe('a run that has lost the database', () => {
  it('is current as long as another one follows and the stream brings what it lacks', async () => {
    const [a, b] = await cluster('a', 'b');
    if (!a || !b) throw new Error('no runs');
    a.hasDatabase = false;
    await pass([b, a], 3_000);
    expect(a.currency.isCurrent()).toBe(true);
    await b.command();
    await pass([b, a], 1_500);
    expect(a.currency.isCurrent()).toBe(false);
    store.relayed = store.head;
    await pass([b, a], 250);
    expect([a.currency.isCurrent(), a.position()]).toEqual([true, 4]);
  });

  it('is current while all have lost it, until one commands again, which it may confirm only when that was said', async () => {
    const [a, b] = await cluster('a', 'b');
    if (!a || !b) throw new Error('no runs');
    a.hasDatabase = b.hasDatabase = false;
    await pass([b, a], 3_000);
    expect([a.currency.isCurrent(), b.currency.isCurrent()]).toEqual([true, true]);
    b.hasDatabase = true;
    await b.command();
    expect(words.get('b')).toMatch(/^follows 4 /);
    await pass([a], 1_150);
    expect(a.currency.isCurrent()).toBe(false);
    store.relayed = store.head;
    await pass([b, a], 200);
    expect([a.currency.isCurrent(), a.position()]).toEqual([true, 4]);
  });

  it('goes on when another one was killed as the database was lost', async () => {
    const [a, b] = await cluster('a', 'b');
    if (!a || !b) throw new Error('no runs');
    await pass([b, a], 2_000);
    a.hasDatabase = false;
    // From here on b does nothing any more.
    await pass([a], 2_500);
    expect(a.currency.isCurrent()).toBe(true);
  });

  it('is not current when one falls silent that had the database for longer: it may have lost Redis alone, and take commands', async () => {
    const [a, b] = await cluster('a', 'b');
    if (!a || !b) throw new Error('no runs');
    a.hasDatabase = false;
    await pass([b, a], 4_000);
    b.hasRedis = false;
    await pass([b, a], 4_000);
    expect(a.currency.isCurrent()).toBe(false);
    await expect(a.currency.current()).rejects.toMatchObject({ code: 'storage_unavailable' });
    b.hasRedis = true;
    await pass([b, a], 500);
    await a.currency.current();
  });

  it('is not current when one falls silent that had lost Redis before: it need not know, and takes commands', async () => {
    const [a, b] = await cluster('a', 'b');
    if (!a || !b) throw new Error('no runs');
    b.hasRedis = false;
    known.living = [seenRun('a'), seenRun('b', { redisUp: false })];
    await pass([b, a], 3_000);
    a.hasDatabase = false;
    await pass([b, a], 1_500);
    expect(a.currency.isCurrent()).toBe(false);
    await expect(a.currency.current()).rejects.toMatchObject({ code: 'storage_unavailable' });
    await b.command();
    b.hasRedis = true;
    store.relayed = store.head;
    await pass([b, a], 500);
    await a.currency.current();
  });

  it('goes on without one that left in order, without one that died after it had lost the database too, and alone', async () => {
    const [a, b, c] = await cluster('a', 'b', 'c');
    if (!a || !b || !c) throw new Error('no runs');
    a.hasDatabase = c.hasDatabase = false;
    await b.currency.close();
    await pass([c, a], 5_000);
    c.hasRedis = false;
    await pass([a], 10_000);
    expect(a.currency.isCurrent()).toBe(true);
  });

  it('does not forget who may command when Redis loses its memory', async () => {
    const [a, b] = await cluster('a', 'b');
    if (!a || !b) throw new Error('no runs');
    known.living = [];
    a.hasDatabase = false;
    await pass([b, a], 1_000);
    words.clear();
    await pass([a], 200);
    // b speaks more seldom than a listens: what it had said still binds.
    expect(a.currency.isCurrent()).toBe(true);
    await pass([a], 1_200);
    expect(a.currency.isCurrent()).toBe(false);
  });

  it('knows that the home of the limits is where it was while nobody has the database and nobody knew of a later one', async () => {
    const [a, b] = await cluster('a', 'b');
    if (!a || !b) throw new Error('no runs');
    await pass([b, a], 1_000);
    expect(a.currency.isHomeStill(4)).toBe(false);
    a.hasDatabase = false;
    await pass([b, a], 3_000);
    // b has it, and may move the limits.
    expect(a.currency.isHomeStill(4)).toBe(false);
    b.hasDatabase = false;
    await pass([b, a], 2_000);
    expect(a.currency.isHomeStill(4)).toBe(true);
    expect(a.currency.isHomeStill(3)).toBe(false);
    a.hasRedis = false;
    await pass([b, a], 1_200);
    expect(a.currency.isHomeStill(4)).toBe(false);
    b.homeTerm = 5;
    a.hasRedis = true;
    await pass([b, a], 1_000);
    expect([a.currency.isHomeStill(4), a.currency.isHomeStill(5)]).toEqual([false, true]);
  });

  it('is not current without Redis, and is again with its first look at the database', async () => {
    const [a] = await cluster('a', 'b');
    if (!a) throw new Error('no run');
    a.hasDatabase = a.hasRedis = false;
    await pass([a], 1_500);
    expect(a.currency.isCurrent()).toBe(false);
    const waiting = a.currency.current();
    a.hasDatabase = true;
    await waiting;
  });

  it('does not hold a caller that leaves', async () => {
    const [a] = await cluster('a', 'b');
    if (!a) throw new Error('no run');
    a.hasDatabase = a.hasRedis = false;
    await pass([a], 1_500);
    const left = new AbortController();
    const waiting = a.currency.current(left.signal);
    left.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
  });

  it('confirms a command also where it cannot take its word back, once it counts as silent', async () => {
    const [, b] = await cluster('a', 'b');
    if (!b) throw new Error('no run');
    b.hasDatabase = false;
    await pass([b], 1_000);
    b.hasDatabase = true;
    b.hasRedis = false;
    const before = time;
    await b.command();
    expect(time - before).toBeGreaterThan(2_000);
    const after = time;
    await b.command();
    expect(time).toBe(after);
  });
});
