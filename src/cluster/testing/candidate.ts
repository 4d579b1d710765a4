/** A run that stands for leader on the test's clock over a real Redis, and may be cut off from it or frozen. */
import { pino } from 'pino';
import type { RedisConnection } from '../../infra/redis/connection.js';
import { createTestClock, type TestClock } from '../../limits/testing/fixtures.js';
import { type Leader, type LeaderChange, startLeader } from '../leader.js';
import { createHandTimers } from './kit.js';

const logger = pino({ level: 'silent' });

export interface Office {
  readonly redis: RedisConnection;
  readonly clock: TestClock;
  readonly name: string;
}

/** An office of its own, whose Redis is known to be no new one. */
export async function openOffice(redis: RedisConnection): Promise<Office> {
  const name = `office${await redis.command('INCR', 'offices')}`;
  await redis.command('HSET', `kirogate:${name}:terms`, 'term', 0);
  return { redis, clock: createTestClock(), name };
}

/** A script that comes late runs at the server's time, not at that of its sender. */
const timed = (clock: TestClock, args: readonly (string | number)[]): readonly (string | number)[] =>
  typeof args[0] === 'number' ? [clock.now(), ...args.slice(1)] : args;

/** One run that may be cut off from Redis, or frozen while a request is on its way there or back. */
export class Candidate {
  readonly changes: LeaderChange[] = [];
  isCut = false;
  freezeAt: 'request' | 'reply' | null = null;
  readonly leader: Leader;
  readonly #timers = createHandTimers();
  readonly #pending = new Set<Promise<unknown>>();
  #thaw: (() => void) | null = null;

  constructor({ redis, clock, name: office }: Office, name: string, onChange: (change: LeaderChange) => void = () => undefined) {
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
