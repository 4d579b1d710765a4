/** Tens of thousands of new members in one commit: what is taken away from those who are known binds before the new ones are read. */
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../tests/support/until.js';
import { appendToArchive, readPartition } from '../events/archive.js';
import { CONTROL_PARTITION, type NewEvent } from '../events/define.js';
import type { Database } from '../infra/database/port.js';
import { sql } from '../infra/database/port.js';
import { systemClock } from '../shared/clock.js';
import { defaultSettings } from '../shared/settings.js';
import { type LiveDirectory, openDirectory } from './directory.js';
import { applyEvents } from './runner/apply.js';
import { eventOf, MONDAY } from './testing/events.js';
import { openStore } from './testing/store.js';

let db: Database;
let directory: LiveDirectory;
/** Each lets one reading of many users or keys through. */
let gates: (() => void)[] | null;

beforeEach(async () => {
  db = await openStore();
  gates = null;
  await command(...['u1', 'u2'].map(user), key('k1', 'u1'), key('k2', 'u2'));
  directory = await openDirectory({
    db: gated(),
    defaults: defaultSettings,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    pollMs: 3_600_000,
  });
});
afterEach(async () => {
  open();
  await directory.close();
  await db.close();
});

/** From `gates = []` on every reading of many users or keys waits to be let through. */
function gated(): Database {
  return {
    engine: db.engine,
    async query(query) {
      const { text, values } = query.format({ escapeIdentifier: (name) => name, formatValue: (value) => ({ placeholder: '?', value }) });
      const isOfMany = /from (users|api_keys) /.test(text) && JSON.stringify(values).length > 1_000;
      const waits = gates;
      if (isOfMany && waits !== null) await new Promise<void>((resolve) => waits.push(resolve));
      return db.query(query);
    },
    tx: (fn) => db.tx(fn),
    snapshot: (fn) => db.snapshot(fn),
    ping: () => db.ping(),
    close: () => db.close(),
  };
}

function open(): void {
  for (const pass of gates ?? []) pass();
  gates = null;
}

async function command(...events: NewEvent[]): Promise<number> {
  return db.tx(async (tx) => {
    const stored = await appendToArchive(tx, CONTROL_PARTITION, events);
    await applyEvents(tx, stored);
    return stored.at(-1)?.position ?? 0;
  });
}

function user(id: string): NewEvent {
  return eventOf('kirogate.user.registered', { subject: `user/${id}`, time: MONDAY });
}
function key(id: string, userId: string): NewEvent {
  return eventOf('kirogate.key.issued', { subject: `key/${id}`, time: MONDAY, data: { userId } });
}
const numbers = Array.from({ length: 1_500 }, (_, i) => i);
const imported = (): NewEvent[] => [...numbers.map((i) => user(`new${i}`)), ...numbers.map((i) => key(`newkey${i}`, `new${i}`))];
const take = (): NewEvent[] => [
  eventOf('kirogate.user.banned', { subject: 'user/u1' }),
  eventOf('kirogate.key.revoked', { subject: 'key/k2' }),
  eventOf('kirogate.config.changed', { subject: 'config', data: { changes: [{ setting: 'site_enabled', from: null, to: false }] } }),
  eventOf('kirogate.ip.banned', { subject: 'ip/203.0.113.0/24' }),
];
const binds = (): unknown => [
  directory.user('u1')?.status,
  directory.key('k2')?.status,
  directory.settings().site_enabled,
  directory.isBanned('203.0.113.9'),
];
const taken = ['banned', 'revoked', false, true];

test('what is taken away in the same commit is in force while not one of the new ones has been read', async () => {
  const began = systemClock.monotonic();
  const position = await command(...imported(), ...take());
  gates = [];
  await directory.catchUp(position);
  expect([binds(), directory.position()]).toEqual([taken, position]);
  await until('the first reading', () => gates?.[0]);
  expect(directory.followedAt()).toBeGreaterThan(began);
  expect(directory.user('new0')).toBeUndefined();
  const all = directory.catchUp();
  open();
  await all;
  expect(numbers.filter((i) => !directory.user(`new${i}`) || !directory.key(`newkey${i}`))).toEqual([]);
});

test('what is taken away while the new ones are being read is in force before the next of them', async () => {
  await command(...imported());
  gates = [];
  const all = directory.catchUp();
  await until('the first reading', () => gates?.[0]);
  const position = await command(...take(), eventOf('kirogate.user.banned', { subject: 'user/new0' }));
  gates.shift()?.();
  await until('the second reading', () => gates?.[0]);
  expect([binds(), directory.position()]).toEqual([taken, position]);
  expect([directory.user('new0')?.status, directory.user('new1499')]).toEqual(['banned', undefined]);
  open();
  await all;
  expect(directory.user('new1499')?.status).toBe('active');
});

test('what comes by the control stream while the new ones are being read stays, and they are read all the same', async () => {
  await command(...imported());
  gates = [];
  const all = directory.catchUp();
  await until('the first reading', () => gates?.[0]);
  const position = await command(...take());
  directory.runAhead(await readPartition(db, CONTROL_PARTITION, position - take().length, 10));
  expect([binds(), directory.position()]).toEqual([taken, position]);
  open();
  await all;
  expect(binds()).toEqual(taken);
  expect(numbers.filter((i) => !directory.user(`new${i}`) || !directory.key(`newkey${i}`))).toEqual([]);
});

test('a new one that was banned at once is never known as active, and a new key is found as soon as somebody presents it', async () => {
  await db.query(sql`insert into vault_keys (key_id, hash) values (${'newkey1499'}, ${'hash-of-the-last'})`);
  const statuses = new Set<string | undefined>();
  directory.onChange(() => void statuses.add(directory.user('new7')?.status));
  await command(...imported(), eventOf('kirogate.user.banned', { subject: 'user/new7' }));
  expect(await directory.keyByHash('hash-of-the-last')).toMatchObject({ id: 'newkey1499', userId: 'new1499' });
  expect(directory.user('new1499')).toBeDefined();
  expect([...statuses]).toEqual(['banned']);
});
