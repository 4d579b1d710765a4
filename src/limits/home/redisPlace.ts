/** Redis as a place for the limits: which server it is, roots that are filled and checked before use, and what old roots still hold. */
import { z } from 'zod';
import type { RedisConnection } from '../../infra/redis/connection.js';
import type { OpenRecord } from '../port.js';
import { createCalls, loadLimitsScripts, RETRY_AFTER_MS } from '../redis/calls.js';
import { readOpenRecord } from '../redis/records.js';
import { seedRedis } from '../redis/seed.js';
import { type LimitsState, shiftState } from '../transfer.js';

/** One hash tag for all keys, so that scripts may touch any of them. */
const PREFIX = 'kirogate:{limits}:';
const ROOT = /^kirogate:\{limits\}:(\d+)\.[0-9a-z]+:/;
const PAGE = 500;
const scanPage = z.tuple([z.string(), z.array(z.string())]);

export interface OldRoot {
  readonly root: string;
  readonly term: number;
  readonly runs: readonly string[];
}

export interface RedisPlace {
  /** Calls only reach the server that was found to be the right one. */
  readonly redis: Pick<RedisConnection, 'run'>;
  /** The connection is the one that was checked last. */
  isChecked(): boolean;
  /** What the server holds is no longer what was checked: no call reaches it until it is checked again. */
  distrust(): void;
  /** Is this the server that holds the root, and has it forgotten nothing? Then calls reach it from now on. Rejects where it does not answer. */
  check(redisRunId: string, root: string): Promise<boolean>;
  /** Fills a new root; `databaseNow`: the clock that the state's times are of. Answers which server holds it. */
  fill(term: number, state: LimitsState, databaseNow: () => Promise<number>): Promise<{ root: string; redisRunId: string }>;
  drop(root: string): Promise<void>;
  /** Removes what others began to fill for the same term and did not take away themselves. */
  dropTwins(term: number, root: string): Promise<void>;
  /** Roots of earlier terms, closed by this call. */
  oldRoots(term: number): Promise<readonly OldRoot[]>;
  openOf(root: string, run: string): Promise<readonly OpenRecord[]>;
}

export interface RedisPlaceDeps {
  readonly redis: RedisConnection;
  readonly runId: string;
  readonly random: () => number;
}

export function createRedisPlace({ redis, runId, random }: RedisPlaceDeps): RedisPlace {
  const scripts = loadLimitsScripts();
  let checked = -1;

  /** Works on one connection: a server that came back in between is another one until it is checked. */
  const on = <T>(losses: number, work: () => Promise<T>): Promise<T> =>
    redis.losses() === losses && redis.isReady() ? work() : Promise.reject(new Error('the connection to Redis is not checked yet'));
  const callsOn = (losses: number, root: string, run = runId) => {
    const held = { run: (...args: Parameters<RedisConnection['run']>) => on(losses, () => redis.run(...args)) };
    return createCalls({ scripts, redis: held, root, runId: run, clock: undefined, retryAfterMs: RETRY_AFTER_MS });
  };
  const serverId = async (losses: number): Promise<string> => {
    const info = String(await on(losses, () => redis.command('INFO', 'server')));
    const id = /^run_id:(\w+)/m.exec(info)?.[1];
    if (id === undefined || redis.losses() !== losses) throw new Error('Redis did not tell its run_id');
    return id;
  };
  const keysOf = async (pattern: string, each: (keys: readonly string[]) => Promise<void>): Promise<void> => {
    let cursor = '0';
    do {
      const reply = await redis.command('SCAN', cursor, 'MATCH', pattern, 'COUNT', PAGE);
      const [next, keys] = scanPage.parse(reply);
      cursor = next;
      if (keys.length > 0) await each(keys);
    } while (cursor !== '0');
  };

  const drop = async (root: string): Promise<void> => {
    await redis.command('DEL', `${root}meta`);
    await keysOf(`${escaped(root)}*`, async (keys) => void (await redis.command('UNLINK', ...keys)));
  };
  const rootsOf = async (isWanted: (term: number) => boolean): Promise<ReadonlyMap<string, number>> => {
    const found = new Map<string, number>();
    await keysOf(`${escaped(PREFIX)}*`, async (keys) => {
      for (const key of keys) {
        const match = ROOT.exec(key);
        if (match !== null && isWanted(Number(match[1]))) found.set(match[0], Number(match[1]));
      }
    });
    return found;
  };

  return {
    redis: { run: (...args) => on(checked, () => redis.run(...args)) },
    isChecked: () => redis.losses() === checked && redis.isReady(),
    distrust() {
      checked = -1;
    },
    async check(expected, root) {
      const losses = redis.losses();
      const id = await serverId(losses);
      const incarnation = await on(losses, () => redis.command('GET', `${root}incarnation`));
      if (redis.losses() !== losses) throw new Error('the connection to Redis was lost');
      if (id !== expected || incarnation !== expected) return false;
      checked = losses;
      return true;
    },
    async fill(term, state, databaseNow) {
      const losses = redis.losses();
      const redisRunId = await serverId(losses);
      const root = `${PREFIX}${term}.${Math.floor(random() * 2 ** 40).toString(36)}:`;
      const offset = await clockOffset(redis, databaseNow);
      await seedRedis(callsOn(losses, root), shiftState(state, offset), random);
      await on(losses, () => redis.command('SET', `${root}incarnation`, redisRunId));
      if (redis.losses() !== losses) throw new Error('the connection to Redis was lost');
      return { root, redisRunId };
    },
    drop,
    async dropTwins(term, root) {
      for (const [found] of await rootsOf((each) => each === term)) if (found !== root) await drop(found);
    },
    async oldRoots(current) {
      return Promise.all(
        [...(await rootsOf((each) => each < current))].map(async ([root, term]) => {
          // A node that slept through the change finds nothing open here.
          await redis.command('DEL', `${root}meta`);
          const runs = await redis.command('ZRANGE', `${root}runs`, 0, -1);
          return { root, term, runs: Array.isArray(runs) ? runs.map(String) : [] };
        }),
      );
    },
    async openOf(root, run) {
      const call = callsOn(redis.losses(), root, run);
      const found: OpenRecord[] = [];
      for (let from = 0; ; from += PAGE) {
        const page = await call('listOpen', [PAGE, from]);
        if (!Array.isArray(page) || page.length === 0) return found;
        for (const reply of page) found.push(...[readOpenRecord(reply)].filter((record) => record !== undefined));
      }
    },
  };
}

const escaped = (text: string): string => text.replace(/[*?[\]\\]/g, '\\$&');

/** How far the server's clock is ahead of the database's, ms; what is not known of it makes times later, never earlier. */
async function clockOffset(redis: RedisConnection, databaseNow: () => Promise<number>): Promise<number> {
  const before = await databaseNow();
  const time = await redis.command('TIME');
  const [seconds, micros] = Array.isArray(time) ? time.map(Number) : [];
  if (seconds === undefined || micros === undefined) throw new Error('Redis did not tell the time');
  return seconds * 1000 + Math.floor(micros / 1000) - before;
}
