/** The log in Redis Streams on a real server: the contract, several nodes, foreign entries, control events, what it keeps and forgets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../tests/support/until.js';
import { openRedis, type RedisConnection } from '../../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../../infra/redis/testing/server.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import { eventLogContract, exampleEvent } from './contract.js';
import { loadLogScripts } from './redis/calls.js';
import { openRedisLog, type RedisLog, type RedisLogDeps } from './redis.js';
import { createTestArchive, type TestArchive } from './testing/archive.js';

const ids = createIds(systemClock);

describe('the log in Redis', () => {
  let server: TestRedis;
  let redis: RedisConnection;
  beforeAll(async () => {
    server = await startTestRedis();
    redis = await openRedis({ url: server.url, name: 'test' });
  });
  afterAll(async () => {
    await redis.close();
    await server.stop();
  });

  describe('keeps the contract', () => {
    eventLogContract(async () => {
      await redis.command('FLUSHALL');
      const dir = await mkdtemp(join(tmpdir(), 'kg-log-'));
      const log = await openRedisLog({
        url: server.url,
        partitions: 4,
        dir,
        src: ids.short(),
        clock: systemClock,
        retentionHours: 0,
        closeWaitMs: 0,
      });
      return {
        log,
        end: async () => {
          await log.close();
          await rm(dir, { recursive: true });
        },
      };
    });
  });

  describe('beyond the contract', () => {
    let dir: string;
    let archive: TestArchive;
    const ends: (() => Promise<unknown>)[] = [];
    beforeEach(async () => {
      await redis.command('FLUSHALL');
      dir = await mkdtemp(join(tmpdir(), 'kg-log-'));
      archive = createTestArchive();
    });
    afterEach(async () => {
      for (const end of ends.splice(0).reverse()) await end();
      await rm(dir, { recursive: true });
    });
    const open = async (over: Partial<RedisLogDeps> = {}): Promise<RedisLog> => {
      const log = await openRedisLog({
        url: server.url,
        partitions: 2,
        dir,
        src: ids.short(),
        clock: systemClock,
        retentionHours: 1,
        closeWaitMs: 0,
        storedProgress: () => archive.progress(),
        ...over,
      });
      ends.push(() => log.close());
      return log;
    };
    const eventIds = (): string[] => archive.entries.map(({ event }) => event.id);
    const entry = (over: Record<string, string | number> = {}): (string | number)[] =>
      Object.entries({
        id: ids.uuid(),
        type: 'kirogate.token.used',
        subject: 'token/a',
        time: '2026-11-23T04:00:00.000Z',
        source: '/elsewhere',
        v: 1,
        key: 'a',
        actor: 'key/k',
        corr: '',
        cause: '',
        src: 'elsewhere',
        n: 1,
        data: '{}',
        ...over,
      }).flat();

    it('writes the fields of the contract, and the time as ISO 8601', async () => {
      const log = await open({ partitions: 1 });
      const event = { ...exampleEvent('a', { k: 'ü' }), time: Date.UTC(2026, 10, 23, 4), correlationid: 'req-1', causationid: null };
      await log.append(event);
      const [[, fields]] = (await redis.command('XRANGE', 'kirogate:{p0}:events', '-', '+')) as unknown as [[string, string[]]];
      expect(Object.fromEntries(Array.from({ length: 13 }, (_, at) => [fields[at * 2], fields[at * 2 + 1]]))).toEqual({
        id: event.id,
        type: event.type,
        subject: event.subject,
        time: '2026-11-23T04:00:00.000Z',
        source: event.source,
        v: '1',
        key: 'a',
        actor: event.actor,
        corr: 'req-1',
        cause: '',
        src: expect.stringMatching(/^[a-z0-9]{16}$/),
        n: '1',
        data: '{"k":"ü"}',
      });
    });

    it('lets a producer go of what another node archived', async () => {
      const producer = await open();
      const ingester = await open();
      await Promise.all(Array.from({ length: 10 }, (_, index) => producer.append(exampleEvent(`key-${index}`))));
      while ((await archive.step(ingester)) > 0);
      await until('the watermark', () => (producer.backlog().events === 0 ? true : undefined));
    });

    it('lets a producer go by the database when the archiver died before it published', async () => {
      const producer = await open();
      const ingester = await open();
      await producer.append(exampleEvent('a'));
      expect(await archive.step(ingester, { publish: false })).toBe(1);
      await until('the database', () => (producer.backlog().events === 0 ? true : undefined));
    });

    it('does not append again what the database has of a spool left behind', async () => {
      const first = await open();
      await first.append(exampleEvent('a'));
      await archive.step(first, { publish: false });
      await first.close();
      const second = await open();
      expect(second.backlog().events).toBe(0);
      expect(await archive.step(second)).toBe(0);
    });

    it('gets past entries that are no events: each is archived once as such, with its reason', async () => {
      const told: string[] = [];
      const log = await open({ onUnreadable: (_entry, reason) => told.push(reason) });
      const key = 'kirogate:{p0}:events';
      await redis.command('XADD', key, '*', 'hello', 'world');
      await redis.command('XADD', key, '*', ...entry({ data: '{broken' }));
      await redis.command('XADD', key, '*', ...entry({ n: 'x' }));
      await redis.command('XADD', key, '*', ...entry({ time: 'yesterday' }).reverse());
      await redis.command('XADD', key, '*', ...entry());
      expect(await archive.step(log)).toBe(5);
      expect(told).toEqual(['the field n is missing', 'the field data is no JSON', 'the field n is no counter', 'the field n is missing']);
      expect(archive.entries.map(({ event }) => [event.type, event.dataversion])).toEqual([
        ['kirogate.log.unreadable', 0],
        ['kirogate.token.used', 0],
        ['kirogate.token.used', 0],
        ['kirogate.log.unreadable', 0],
        ['kirogate.token.used', 1],
      ]);
      expect(archive.entries[1]?.event.data).toMatchObject({ unreadable: 'the field data is no JSON' });
      const again = await log.read(new Map(), { limit: 10, waitMs: 0, lingerMs: 0 });
      expect(again.map(({ event }) => event.id)).toEqual(eventIds());
    });

    it('reads fields in any order', async () => {
      const log = await open();
      const fields = entry({ id: 'e-1' });
      const turned = Array.from({ length: fields.length / 2 }, (_, at) => fields.slice(at * 2, at * 2 + 2)).reverse();
      await redis.command('XADD', 'kirogate:{p1}:events', '*', ...turned.flat());
      await archive.step(log);
      expect(eventIds()).toEqual(['e-1']);
    });

    it('goes back for entries that were written before its place, as their numbers tell', async () => {
      const log = await open();
      const key = 'kirogate:{p0}:events';
      await redis.command('XADD', key, '1000-0', ...entry({ id: 'e-1', n: 1 }));
      await archive.step(log);
      await redis.command('DEL', key);
      await redis.command('XADD', key, '500-0', ...entry({ id: 'e-2', n: 2 }));
      await redis.command('XADD', key, '2000-0', ...entry({ id: 'e-3', n: 3 }));
      await until('all three', async () => {
        await archive.step(log);
        return archive.entries.length === 3 ? true : undefined;
      });
      expect(eventIds()).toEqual(['e-1', 'e-2', 'e-3']);
    });

    it('goes on without entries that are nowhere', async () => {
      const log = await open();
      const key = 'kirogate:{p0}:events';
      await redis.command('XADD', key, '1000-0', ...entry({ id: 'e-1', n: 1 }));
      await archive.step(log);
      await redis.command('XADD', key, '2000-0', ...entry({ id: 'e-5', n: 5 }));
      await until('the later one', async () => {
        await archive.step(log);
        return archive.entries.length === 2 ? true : undefined;
      });
    });

    it('relays control events in the order of their positions, once, whoever relays', async () => {
      let rings = 0;
      const [one, other] = [await open({ onControl: () => (rings += 1) }), await open()];
      const events = Array.from({ length: 6 }, (_, index) => ({ ...exampleEvent('x'), partition: 'control', position: index + 41 }));
      expect(await one.relayControl([])).toBe(0);
      expect(await one.relayControl(events.slice(0, 3))).toBe(0);
      expect(await one.relayControl(events.slice(0, 3), { anew: true })).toBe(43);
      expect(await other.relayControl(events.slice(4))).toBe(43);
      await one.read(new Map(), { limit: 1, waitMs: 1, lingerMs: 0 });
      const waiting = one.read(new Map(), { limit: 1, waitMs: 30_000, lingerMs: 0 });
      expect(await other.relayControl(events.slice(1))).toBe(46);
      await until('the bell', () => (rings > 0 ? true : undefined));
      expect(await one.relayControl(events)).toBe(46);
      await one.append(exampleEvent('a'));
      expect(await waiting).toHaveLength(1);
      const entries = (await redis.command('XRANGE', 'kirogate:{control}:events', '-', '+')) as unknown as [string, string[]][];
      const fact = (fields: readonly string[], name: string): string | undefined => fields[fields.indexOf(name) + 1];
      expect(entries.map(([, fields]) => [fact(fields, 'id'), fact(fields, 'pos'), fact(fields, 'src')])).toEqual(
        events.map(({ id, position }) => [id, `${position}`, 'control']),
      );
    });

    it('keeps archived entries for the retention and never drops what is not archived', async () => {
      const log = await open({ retentionHours: 0, partitions: 1 });
      for (let count = 0; count < 5; count += 1) await log.append(exampleEvent('a'));
      await archive.step(log, { limit: 3 });
      expect(await redis.command('XLEN', 'kirogate:{p0}:events')).toBe(2);
      const keeping = await open({ retentionHours: 1, partitions: 1 });
      await archive.step(keeping);
      expect(await redis.command('XLEN', 'kirogate:{p0}:events')).toBe(2);
    });

    it('forgets producers that were not seen for a month', async () => {
      const { forgetProducers } = loadLogScripts();
      const today = Math.floor(Date.now() / 86_400_000);
      for (const key of ['producers', 'archived']) {
        await redis.command('HSET', `kirogate:{p0}:${key}`, 'old', `7 ${today - 31}`, 'new', `8 ${today - 29}`, 'cursor', '1-0');
      }
      expect(await redis.run(forgetProducers, ['kirogate:{p0}:producers', 'kirogate:{p0}:archived'], [30])).toBe(2);
      expect(await redis.command('HKEYS', 'kirogate:{p0}:archived')).toEqual(['new', 'cursor']);
    });

    it('never publishes backwards', async () => {
      const log = await open({ partitions: 1 });
      await log.append(exampleEvent('a'));
      const mark = (n: number) => ({ partition: 'p0', cursor: '1-0', producers: new Map([['x', n]]) });
      await log.archived([mark(7)]);
      await log.archived([mark(5)]);
      expect(await redis.command('HGET', 'kirogate:{p0}:archived', 'x')).toMatch(/^7 /);
    });

    it('refuses an event whose data is no JSON, and goes on', async () => {
      const log = await open();
      await expect(log.append(exampleEvent('a', { n: 1n }))).rejects.toThrow('BigInt');
      await log.append(exampleEvent('a'));
      expect(await archive.step(log)).toBe(1);
      expect(archive.entries[0]?.n).toBe(1);
    });
  });
});
