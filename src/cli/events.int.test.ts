/** `kirogate events` over PostgreSQL: by DATABASE_URL alone, listing and following. */
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { until } from '../../tests/support/until.js';
import { appendToArchive } from '../events/archive.js';
import { CONTROL_PARTITION } from '../events/define.js';
import { type Database, sql } from '../infra/database/port.js';
import { openPostgres } from '../infra/database/postgres.js';
import { borrowPostgresDatabase, returnPostgresDatabase } from '../infra/database/testing/shared.js';
import { eventOf, used } from '../projections/testing/events.js';
import { addEvents } from './events.js';

let url: string;
let db: Database;
let output: string;

beforeEach(async () => {
  url = await borrowPostgresDatabase(4);
  db = await openPostgres({ url });
  vi.stubEnv('DATABASE_URL', url);
  output = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await db.close();
  await returnPostgresDatabase(4, url);
});

const archive = (partition: string, event: ReturnType<typeof used>): Promise<unknown> =>
  db.tx((tx) => appendToArchive(tx, partition, [event]));
const run = (...args: string[]): Promise<unknown> => {
  const program = new Command();
  addEvents(program);
  return program.parseAsync(['node', 'kirogate', 'events', ...args]);
};
const ids = (): string[] =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { id: string }).id);

describe('kirogate events', () => {
  test('lists what a cluster has stored, oldest first, with nothing set but the address of the database', async () => {
    const events = [used({ time: 1 }), eventOf('kirogate.user.banned', { time: 2 }), used({ time: 3 })];
    await archive('p0', events[0] ?? used());
    await archive(CONTROL_PARTITION, events[1] ?? used());
    await archive('p1', events[2] ?? used());
    await run('list', '--json');
    expect(ids()).toEqual(events.map(({ id }) => id));
    output = '';
    await run('list', '--json', '--types', 'user.banned');
    expect(ids()).toEqual([events[1]?.id]);
  });

  test('gets past an event whose data lies too deep to be written again, and one whose data is broken', async () => {
    const [deep, broken, sound] = [used({ time: 1 }), used({ time: 2 }), used({ time: 3 })];
    for (const event of [deep, broken, sound]) await archive('p0', event);
    await db.query(sql`update archive set data = ${'['.repeat(20_000) + ']'.repeat(20_000)} where id = ${deep.id}`);
    await db.query(sql`update archive set data = ${'{"n":'} where id = ${broken.id}`);
    await run('list', '--json');
    expect(ids()).toEqual([deep.id, broken.id, sound.id]);
    output = '';
    await run('list');
    expect(output.split('\n').map((line) => line.endsWith('{"unreadable":true}'))).toEqual([true, true, false, false]);
  });

  test('follows until it is told to stop', async () => {
    const before = new Set(process.listeners('SIGTERM'));
    const first = used();
    await archive('p0', first);
    const tailing = run('tail', '--json');
    await until('what is there', () => (ids().length === 1 ? true : undefined));
    const second = eventOf('kirogate.user.banned');
    await archive(CONTROL_PARTITION, second);
    await until('what came', () => (ids().length === 2 ? true : undefined), 1_000);
    expect(ids()).toEqual([first.id, second.id]);
    const stop = process.listeners('SIGTERM').find((listener) => !before.has(listener));
    stop?.('SIGTERM');
    await tailing;
  });
});
