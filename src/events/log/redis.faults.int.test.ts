/** The log in Redis when Redis, the line or the process fails: what was acknowledged is archived once and in order. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childCode, finished } from '../../../tests/support/childCode.js';
import { until } from '../../../tests/support/until.js';
import { openRedis, type RedisConnection } from '../../infra/redis/connection.js';
import { startTestProxy, type TestProxy } from '../../infra/redis/testing/proxy.js';
import { startTestSentinel } from '../../infra/redis/testing/sentinel.js';
import { startTestRedis, type TestRedis } from '../../infra/redis/testing/server.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import type { NewEvent } from '../define.js';
import { exampleEvent } from './contract.js';
import type { Recovered } from './redis/sender.js';
import { openRedisLog, type RedisLog, type RedisLogDeps } from './redis.js';
import { createTestArchive, type TestArchive } from './testing/archive.js';

const ids = createIds(systemClock);
const AOF = ['--appendonly', 'yes', '--appendfsync', 'always'];

let dir: string;
let archive: TestArchive;
let recovered: Recovered[];
const ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kg-log-'));
  archive = createTestArchive();
  recovered = [];
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await rm(dir, { recursive: true, force: true });
});

async function server(settings: readonly string[] = AOF): Promise<TestRedis> {
  const started = await startTestRedis(settings);
  ends.push(() => started.stop());
  return started;
}
async function proxyOf({ port }: TestRedis): Promise<TestProxy> {
  const proxy = await startTestProxy(port);
  ends.push(() => proxy.stop());
  return proxy;
}
async function client(url: string): Promise<RedisConnection> {
  const redis = await openRedis({ url, name: 'test' });
  ends.push(async () => redis.drop());
  return redis;
}
async function open(url: string, over: Partial<RedisLogDeps> = {}): Promise<RedisLog> {
  const log = await openRedisLog({
    url,
    partitions: 2,
    dir: join(dir, 'spool'),
    src: ids.short(),
    clock: systemClock,
    retentionHours: 1,
    closeWaitMs: 0,
    storedProgress: () => archive.progress(),
    onRecovered: (what) => recovered.push(what),
    ...over,
  });
  ends.push(() => log.close());
  return log;
}
async function appended(log: RedisLog, count: number, key?: string): Promise<NewEvent[]> {
  const events = Array.from({ length: count }, (_, index) => exampleEvent(key ?? `key-${index}`));
  await Promise.all(events.map((event) => log.append(event)));
  return events;
}
/** Archives until the log holds nothing. */
const drained = (log: RedisLog): Promise<true> =>
  until('an empty backlog', async () => {
    while ((await archive.step(log)) > 0);
    return log.backlog().events === 0 ? true : undefined;
  });
const sorted = (list: readonly string[]): string[] => [...list].sort();
const idsOf = (events: readonly NewEvent[]): string[] => sorted(events.map(({ id }) => id));
const archived = (): string[] => sorted(archive.entries.map(({ event }) => event.id));
const ofKey = (key: string): string[] => archive.entries.filter(({ event }) => event.partitionkey === key).map(({ event }) => event.id);

describe('a Redis that fails', () => {
  it('loses nothing when it is killed and comes back from its append-only file', async () => {
    const redis = await server();
    const log = await open(redis.url);
    const before = await appended(log, 20);
    await archive.step(log, { limit: 7 });
    await redis.kill();
    const during = await appended(log, 20);
    expect(log.isUp()).toBe(false);
    expect(log.budget().spoolBytes).toBeGreaterThan(1_000);
    await redis.restart();
    const after = await appended(log, 20);
    await drained(log);
    expect(archived()).toEqual(idsOf([...before, ...during, ...after]));
    expect(log.isUp()).toBe(true);
    expect(recovered).toEqual(expect.arrayContaining([expect.objectContaining({ reason: 'reconnected' })]));
  });

  it('gets again what is not archived when it comes back empty, and the reader begins anew', async () => {
    const redis = await server([]);
    const log = await open(redis.url);
    const first = await appended(log, 30, 'a');
    await archive.step(log, { limit: 10 });
    await redis.kill();
    await redis.restart();
    const second = await appended(log, 5, 'a');
    await drained(log);
    expect(ofKey('a')).toEqual([...first, ...second].map(({ id }) => id));
    expect(recovered).toContainEqual({ partition: expect.stringMatching(/^p\d$/), reappended: 20, reason: 'empty' });
  });

  it('notices an empty Redis also when it has nothing new to send', async () => {
    const redis = await server([]);
    const log = await open(redis.url);
    const events = await appended(log, 12);
    await (await client(redis.url)).command('FLUSHALL');
    await until('a recovery', () => (recovered.length > 0 ? true : undefined));
    await drained(log);
    expect(archived()).toEqual(idsOf(events));
  });

  it('brings back a tail that it lost to an older append-only file', async () => {
    const redis = await server();
    const log = await open(redis.url);
    const events = await appended(log, 10, 'a');
    await archive.step(log);
    events.push(...(await appended(log, 10, 'a')));
    const older = join(dir, 'older');
    await cp(join(redis.dir, 'appendonlydir'), older, { recursive: true });
    events.push(...(await appended(log, 10, 'a')));
    // Archived, but Redis was not told.
    expect(await archive.step(log, { publish: false })).toBe(20);
    events.push(...(await appended(log, 10, 'a')));
    await redis.kill();
    await rm(join(redis.dir, 'appendonlydir'), { recursive: true });
    await cp(older, join(redis.dir, 'appendonlydir'), { recursive: true });
    await redis.restart();
    events.push(...(await appended(log, 10, 'a')));
    await drained(log);
    expect(ofKey('a')).toEqual(events.map(({ id }) => id));
    expect(recovered).toContainEqual(expect.objectContaining({ reason: 'rolled_back' }));
  });

  it('writes behind what readers have seen when a clock that stands back follows a lost tail', async () => {
    const redis = await server([]);
    const admin = await client(redis.url);
    const log = await open(redis.url);
    await appended(log, 1, 'a');
    await drained(log);
    const key = `kirogate:{${archive.entries[0]?.partition}}:events`;
    // An hour ahead, archived, and gone with the rest: the ids of this hour were given out before.
    const ahead = `${Date.now() + 3_600_000}-5`;
    const fields = ['id', ids.uuid(), 'type', 't', 'subject', 's/1', 'time', new Date().toISOString(), 'source', '/x', 'v', 1];
    await admin.command(
      'XADD',
      key,
      ahead,
      ...fields,
      'key',
      'a',
      'actor',
      'x',
      'corr',
      '',
      'cause',
      '',
      'src',
      'other',
      'n',
      1,
      'data',
      '{}',
    );
    await archive.step(log);
    await admin.command('FLUSHALL');
    const again = await appended(log, 3, 'a');
    await drained(log);
    expect(ofKey('a').slice(-3)).toEqual(again.map(({ id }) => id));
  });

  it('refuses appends when memory is full: they wait in the spool until there is room', async () => {
    const redis = await server([]);
    const admin = await client(redis.url);
    const log = await open(redis.url);
    await appended(log, 1);
    await admin.command('SET', 'filler', 'x'.repeat(3_000_000));
    const used = Number(/^used_memory:(\d+)/m.exec(String(await admin.command('INFO', 'memory')))?.[1]);
    await admin.command('CONFIG', 'SET', 'maxmemory', used - 500_000);
    const events = await appended(log, 50);
    expect(log.isUp()).toBe(false);
    await admin.command('DEL', 'filler');
    await drained(log);
    expect(archived()).toEqual(expect.arrayContaining(idsOf(events)));
    expect(log.isUp()).toBe(true);
  });

  it('survives the death of a sentinel set’s primary', async () => {
    const set = await startTestSentinel(AOF);
    ends.push(() => set.stop());
    const log = await open(set.url);
    const before = await appended(log, 40);
    await archive.step(log, { limit: 13 });
    const dying = set.primary.kill();
    const during = await appended(log, 40);
    await dying;
    const after = await appended(log, 10);
    await until('the replica to take over', () => (log.isUp() ? true : undefined), 60_000);
    await drained(log);
    expect(archived()).toEqual(idsOf([...before, ...during, ...after]));
  });
});

describe('a line that fails', () => {
  it('does not double what was taken while the answer was lost', async () => {
    const redis = await server([]);
    const proxy = await proxyOf(redis);
    const log = await open(proxy.url);
    proxy.loseReplies();
    const events = await appended(log, 10);
    proxy.drop();
    proxy.resume();
    await drained(log);
    expect(archived()).toEqual(idsOf(events));
    expect(archive.duplicates).toBe(0);
  });

  it('goes on after a pause in which nothing passed and nobody hung up', async () => {
    const redis = await server([]);
    const proxy = await proxyOf(redis);
    const log = await open(proxy.url);
    const before = await appended(log, 5);
    proxy.pause();
    const during = await appended(log, 5);
    expect(log.isUp()).toBe(false);
    proxy.resume();
    await drained(log);
    expect(archived()).toEqual(idsOf([...before, ...during]));
  });

  it('ends in time when Redis is out of reach, and leaves the events for the next run', async () => {
    const redis = await server([]);
    const proxy = await proxyOf(redis);
    const log = await open(proxy.url);
    proxy.refuse();
    const events = await appended(log, 5);
    await log.close();
    proxy.resume();
    const next = await open(proxy.url);
    expect(next.backlog().events).toBe(5);
    await drained(next);
    expect(archived()).toEqual(idsOf(events));
    await next.close();
    expect(await readdir(join(dir, 'spool'))).toEqual([]);
  });
});

describe('what does not fit in memory', () => {
  it('moves to the spool and is read back from there when Redis lost it', async () => {
    const redis = await server([]);
    const log = await open(redis.url, { ringBytes: 40_000, segmentBytes: 20_000 });
    const events: NewEvent[] = [];
    for (let round = 0; round < 20; round += 1) events.push(...(await appended(log, 20, 'a')));
    await until('older ones to move', () => (log.budget().ringBytes < 60_000 ? true : undefined));
    expect(log.backlog().events).toBe(400);
    await redis.kill();
    await redis.restart();
    await drained(log);
    expect(ofKey('a')).toEqual(events.map(({ id }) => id));
    await until('archived segments to go', () => (log.budget().spoolBytes < 25_000 ? true : undefined));
  });

  it('is refused when the spool is full as well, and the log says so before', async () => {
    const redis = await server([]);
    const log = await open(redis.url, { ringBytes: 20_000, spoolBytes: 20_000 });
    await redis.kill();
    let warned = false;
    const filling = async (): Promise<void> => {
      for (;;) {
        await log.append(exampleEvent('a'));
        warned ||= log.full();
      }
    };
    await expect(filling()).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(warned).toBe(true);
  });

  it('counts unarchived streams beyond a quarter of Redis’ memory as full, until they are archived and trimmed', async () => {
    const redis = await server(['--maxmemory', '20mb']);
    const log = await open(redis.url);
    const big = (): NewEvent => exampleEvent('a', { filler: 'x'.repeat(50_000) });
    await Promise.all(Array.from({ length: 160 }, () => log.append(big())));
    await until('a full log', () => (log.full() ? true : undefined));
    await drained(log);
    await until('room', async () => {
      await archive.step(log);
      return log.full() ? undefined : true;
    });
    expect(await (await client(redis.url)).command('XLEN', `kirogate:{${archive.entries[0]?.partition}}:events`)).toBeLessThan(110);
  });
});

/** What the log says, as [level, message, fields]. */
function lines(): { readonly logger: pino.Logger; readonly said: Record<string, unknown>[] } {
  const said: Record<string, unknown>[] = [];
  const logger = pino({ level: 'warn' }, { write: (line) => void said.push(JSON.parse(line) as Record<string, unknown>) });
  return { logger, said };
}
const about = (said: readonly Record<string, unknown>[], text: string): unknown[] => said.filter(({ msg }) => String(msg).includes(text));
function handMade(id: string, src: string, n: number): { readonly fields: (string | number)[]; readonly event: string } {
  const event = ids.uuid();
  const time = new Date().toISOString();
  const head = [id, 'id', event, 'type', 'kirogate.test.hand-made', 'subject', 'x', 'time', time, 'source', '/x', 'v', 1, 'key', 'x'];
  return { event, fields: [...head, 'actor', 'system', 'corr', '', 'cause', '', 'src', src, 'n', n, 'data', '{}'] };
}

describe('what somebody did to a stream by hand', () => {
  for (const limit of [1, 3, 1_000]) {
    it(`does not block a partition where numbers of producers are missing, read ${limit} at a time`, async () => {
      const redis = await server([]);
      const admin = await client(redis.url);
      const { logger, said } = lines();
      const log = await open(redis.url, { partitions: 1, logger });
      const key = 'kirogate:{p0}:events';
      const events = await appended(log, 6);
      await drained(log);
      const holes = ['hand:1', 'hand:2'].map((src) => handMade('*', src, 2));
      for (const { fields } of holes) await admin.command('XADD', key, ...fields);
      events.push(...(await appended(log, 6)));
      // One of ours goes unarchived as well.
      const at = ((await admin.command('XRANGE', key, '-', '+')) as [string, unknown][])[9]?.[0] ?? '';
      await admin.command('XDEL', key, at);
      const wanted = events.length + holes.length - 1;
      for (let round = 0; archive.entries.length < wanted && round < 200; round += 1) await archive.step(log, { limit });
      expect(archive.entries).toHaveLength(wanted);
      expect(archived()).toEqual(expect.arrayContaining(holes.map(({ event }) => event)));
      expect(log.backlog().events).toBe(0);
      expect(about(said, 'going on without them')).toHaveLength(3);
      expect(recovered).toEqual(Array.from({ length: 3 }, () => ({ partition: 'p0', reappended: 0, reason: 'hole' })));
      expect(await archive.step(log, { limit })).toBe(0);
    });
  }

  it('says once that a stream has no ids left, and goes on when that stream is deleted', async () => {
    const redis = await server([]);
    const admin = await client(redis.url);
    const { logger, said } = lines();
    const log = await open(redis.url, { partitions: 1, logger });
    const before = await appended(log, 3);
    await drained(log);
    const { fields } = handMade('18446744073709551615-18446744073709551614', 'hand:1', 1);
    await admin.command('XADD', 'kirogate:{p0}:events', ...fields);
    await archive.step(log);
    const during = await appended(log, 5);
    await until('the reason', () => (about(said, 'has no ids left').length > 0 ? true : undefined));
    await archive.step(log);
    expect(about(said, 'is shorter than its archive')).toEqual([]);
    await admin.command('DEL', 'kirogate:{p0}:events');
    const after = await appended(log, 2);
    await drained(log);
    expect(archived()).toEqual(expect.arrayContaining(idsOf([...before, ...during, ...after])));
    expect(about(said, 'has no ids left')).toHaveLength(1);
    expect(log.isUp()).toBe(true);
  });

  it('is told of once where it is no event, however often that is read', async () => {
    const redis = await server([]);
    const admin = await client(redis.url);
    const { logger, said } = lines();
    const log = await open(redis.url, { partitions: 1, logger });
    await admin.command('XADD', 'kirogate:{p0}:events', '*', 'hello', 'world');
    for (let round = 0; round < 3; round += 1) {
      expect(await log.read(new Map(), { limit: 10, waitMs: 0, lingerMs: 0, peek: true })).toHaveLength(1);
    }
    expect(about(said, 'is no event')).toHaveLength(1);
  });
});

describe('a process that dies', () => {
  it('leaves a spool that the next run takes over under the same source and numbers', async () => {
    const redis = await server([]);
    const code = await childCode(['src/events/log/redis.ts', 'src/shared/clock.ts']);
    ends.push(() => code.remove());
    const proxy = await proxyOf(redis);
    const child = await code.start(
      `import { symlinkSync } from 'node:fs';
       const [url, dir, lua] = process.argv.slice(2);
       symlinkSync(lua, new URL('./src/events/log/lua', import.meta.url).pathname);
       const { openRedisLog } = await import('./src/events/log/redis.js');
       const { systemClock } = await import('./src/shared/clock.js');
       const log = await openRedisLog({ url, partitions: 2, dir, src: 'dead', clock: systemClock, retentionHours: 1 });
       const event = (n) => ({ id: 'e' + n, type: 'kirogate.token.used', source: '/n', subject: 'token/a', time: n, data: { n }, dataversion: 1,
         partitionkey: 'key-' + (n % 7), actor: 'key/k', correlationid: null, causationid: null });
       for (let n = 0; ; n += 1) { await log.append(event(n)); process.stdout.write('e' + n + '\\n'); }`,
      [proxy.url, join(dir, 'spool'), fileURLToPath(new URL('./lua', import.meta.url))],
    );
    let lines = 0;
    child.stdout?.on('data', (chunk: Buffer) => {
      const before = lines;
      lines += String(chunk).split('\n').length - 1;
      if (before < 50 && lines >= 50) proxy.refuse();
      if (lines > 150) child.kill('SIGKILL');
    });
    const acknowledged = (await finished(child)).trim().split('\n').slice(0, -1);
    expect(acknowledged.length).toBeGreaterThan(140);
    proxy.resume();
    const log = await open(redis.url);
    expect(log.backlog().events).toBeGreaterThan(50);
    await drained(log);
    expect(acknowledged.filter((id) => !archived().includes(id))).toEqual([]);
    for (const partition of ['p0', 'p1']) {
      const mine = archive.entries.filter((entry) => entry.partition === partition && entry.src === 'dead').map(({ n }) => n);
      expect(mine).toEqual(mine.map((_, index) => index + 1));
    }
  });

  it('loses at most a torn last record of its spool, which is cut off', async () => {
    const redis = await server([]);
    const log = await open(redis.url, { src: 'torn' });
    await redis.kill();
    const events = await appended(log, 4, 'a');
    await log.close();
    const path = join(dir, 'spool', 'torn', '000001.spool');
    await writeFile(path, (await readFile(path)).subarray(0, -3));
    await redis.restart();
    const next = await open(redis.url);
    await drained(next);
    expect(ofKey('a')).toEqual(events.slice(0, 3).map(({ id }) => id));
  });
});
