/** What a node that cannot ask the archive reads from the control stream of a real Redis. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openRedis, type RedisConnection } from '../../../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../../../infra/redis/testing/server.js';
import type { StoredEvent } from '../../define.js';
import { exampleEvent } from '../contract.js';
import { loadLogScripts } from './calls.js';
import { readControl, relayControl } from './control.js';

const STREAM = 'kirogate:{control}:events';
const scripts = loadLogScripts();
let server: TestRedis;
let redis: RedisConnection;
beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
});
beforeEach(() => redis.command('FLUSHALL'));
afterAll(async () => {
  await redis.close();
  await server.stop();
});

const events = (from: number, to: number): StoredEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ ...exampleEvent('x'), partition: 'control', position: from + index }));
const relay = (some: readonly StoredEvent[]): Promise<number> => relayControl({ redis, scripts }, some, true);
const positions = async (after: number): Promise<number[]> => (await readControl(redis, after)).map(({ position }) => position);

it('reads what follows a position as it was relayed, in order, over any number of pages', async () => {
  const all = events(41, 700);
  await relay(all);
  expect(await readControl(redis, 698)).toEqual(all.slice(-2));
  expect(await positions(40)).toEqual(all.map(({ position }) => position));
  expect(await positions(700)).toEqual([]);
});

it('reads nothing behind a gap, nor where the stream begins later or is not there', async () => {
  expect(await positions(0)).toEqual([]);
  await relay(events(41, 45));
  expect(await positions(30)).toEqual([]);
  const [first, , third] = (await redis.command('XRANGE', STREAM, '-', '+')) as unknown as [string][];
  await redis.command('XDEL', STREAM, third?.[0] ?? '');
  expect(await positions(40)).toEqual([41, 42]);
  expect(await positions(43)).toEqual([44, 45]);
  await redis.command('XDEL', STREAM, first?.[0] ?? '');
  expect(await positions(40)).toEqual([]);
});

it('leaves out what is no event, and what the archive did not relay', async () => {
  await relay(events(1, 2));
  await redis.command('XADD', STREAM, '*', 'id', 'e-3', 'n', '3');
  const [last] = (await redis.command('XREVRANGE', STREAM, '+', '-', 'COUNT', '2')) as unknown as [string, string[]][];
  expect(last?.[1]).toEqual(['id', 'e-3', 'n', '3']);
  const [, [, fields] = ['', []]] = (await redis.command('XRANGE', STREAM, '-', '+')) as unknown as [string, string[]][];
  const forged = fields.map((text, index) => (fields[index - 1] === 'src' ? 'somebody' : fields[index - 1] === 'n' ? '3' : text));
  await redis.command('XADD', STREAM, '*', ...forged);
  expect(await positions(0)).toEqual([1, 2]);
  expect(await positions(2)).toEqual([]);
});
