/** A directory whose database is out of reach is fed by the events alone, and knows what one beside the database knows. */
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { appendToArchive, readPartition } from '../events/archive.js';
import { CONTROL_PARTITION, type NewEvent, type StoredEvent } from '../events/define.js';
import type { Database } from '../infra/database/port.js';
import { sql } from '../infra/database/port.js';
import { systemClock } from '../shared/clock.js';
import { defaultSettings } from '../shared/settings.js';
import { type DirectoryChange, type LiveDirectory, openDirectory } from './directory.js';
import { applyEvents } from './runner/apply.js';
import { eventOf, MONDAY } from './testing/events.js';
import { openStore } from './testing/store.js';

const never = 3_600_000;
const open: LiveDirectory[] = [];
let db: Database;
let cut = false;
/** What the far one asks, once it is let through again. */
let passing: Promise<void> = Promise.resolve();

beforeEach(async () => {
  db = await openStore();
  cut = false;
  passing = Promise.resolve();
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await db.close();
});

async function openOne(over: Database): Promise<LiveDirectory> {
  const logger = pino({ level: 'silent' });
  const one = await openDirectory({ db: over, defaults: defaultSettings, clock: systemClock, logger, pollMs: never });
  open.push(one);
  return one;
}

const near = (): Promise<LiveDirectory> => openOne(db);
const far = (): Promise<LiveDirectory> =>
  openOne({
    engine: db.engine,
    query: async (query) => {
      if (cut) throw new Error('out of reach');
      await passing;
      return db.query(query);
    },
    tx: (fn) => db.tx(fn),
    snapshot: (fn) => db.snapshot(fn),
    ping: () => db.ping(),
    close: () => db.close(),
  });

async function command(...events: NewEvent[]): Promise<StoredEvent[]> {
  return db.tx(async (tx) => {
    const stored = await appendToArchive(tx, CONTROL_PARTITION, events);
    await applyEvents(tx, stored);
    return stored;
  });
}

const user = { subject: 'user/u1' };
const key = { subject: 'key/k1' };
const token = { subject: 'token/t1' };
const models = { name: 'n', dailyCap: 7, allowedModels: ['m', 'n'] };

/** Each kind that changes something here, and some that change nothing. */
const life: readonly NewEvent[] = [
  eventOf('kirogate.user.registered', { ...user, time: MONDAY }),
  eventOf('kirogate.key.issued', { ...key, time: MONDAY + 1, data: { userId: 'u1', allowedModels: ['m'], expiresAt: MONDAY + 9 } }),
  eventOf('kirogate.token.donated', { ...token, time: MONDAY + 2 }),
  eventOf('kirogate.user.signed-in', user),
  eventOf('kirogate.user.banned', user),
  eventOf('kirogate.user.unbanned', user),
  eventOf('kirogate.user.quota-changed', { ...user, data: { to: { daily: 3, monthly: null } } }),
  eventOf('kirogate.user.sessions-revoked', { ...user, data: { from: 1, to: 2 } }),
  eventOf('kirogate.key.changed', { ...key, data: { to: { name: 'other', rpmLimit: 4, allowedModels: null, expiresAt: null } } }),
  eventOf('kirogate.token.suspended', { ...token, data: { reason: 'credits', until: MONDAY + 5 } }),
  eventOf('kirogate.token.checked', token),
  eventOf('kirogate.token.resumed', token),
  eventOf('kirogate.token.visibility-changed', { ...token, data: { to: 'private' } }),
  eventOf('kirogate.token.limits-changed', { ...token, data: { to: models } }),
  eventOf('kirogate.token.invalidated', token),
  eventOf('kirogate.config.changed', { subject: 'config', data: { changes: [{ setting: 'site_enabled', from: null, to: false }] } }),
  eventOf('kirogate.config.changed', { subject: 'config', data: { changes: [{ setting: 'site_enabled', from: false, to: null }] } }),
  eventOf('kirogate.config.changed', { subject: 'config', data: { changes: [{ setting: 'no_such_setting', from: null, to: 3 }] } }),
  eventOf('kirogate.ip.banned', { subject: 'ip/203.0.113.0/24' }),
  eventOf('kirogate.ip.unbanned', { subject: 'ip/203.0.113.0/24' }),
  eventOf('kirogate.store.lost', { subject: 'store/redis' }),
  eventOf('kirogate.user.registered', { subject: 'user/u2', time: MONDAY }),
  eventOf('kirogate.user.approved', { subject: 'user/u2' }),
  eventOf('kirogate.key.revoked', key),
  eventOf('kirogate.token.removed', token),
];

const picture = (one: LiveDirectory): unknown => ({
  position: one.position(),
  users: [one.user('u1'), one.user('u2')],
  key: one.key('k1'),
  byHash: one.knownKey('hash-1'),
  tokens: [...one.tokens()],
  settings: [one.settings(), one.storedSettings(), one.settingsPosition()],
  banned: one.isBanned('203.0.113.9'),
});

describe('a directory that is fed by events alone', () => {
  test('knows after each of them what one beside the database knows, and tells of the same changes', async () => {
    const [truth, fed] = [await near(), await far()];
    const told: DirectoryChange[][] = [[], []];
    truth.onChange((change) => void told[0]?.push(change));
    fed.onChange((change) => void told[1]?.push(change));
    cut = true;
    for (const event of life) {
      const stored = await command(event);
      await truth.catchUp();
      fed.runAhead(stored);
      expect(picture(fed), event.type).toEqual(picture(truth));
    }
    expect(told[1]).toEqual(told[0]);
  });

  test('takes each event once and in order, however they come, and nothing behind a gap', async () => {
    const fed = await far();
    const stored = await command(...life.slice(0, 6));
    fed.runAhead(stored.slice(3));
    expect(fed.position()).toBe(0);
    fed.runAhead([...stored.slice(0, 5)].reverse());
    expect([fed.position(), fed.user('u1')?.status]).toEqual([5, 'banned']);
    fed.runAhead(stored);
    expect([fed.position(), fed.user('u1')?.status]).toEqual([6, 'active']);
    fed.runAhead(stored.slice(0, 5));
    expect([fed.position(), fed.user('u1')?.status]).toEqual([6, 'active']);
  });

  test('stops before what only the tables can tell, and before what it cannot read', async () => {
    const fed = await far();
    const [registered, issued] = await command(...life.slice(0, 2));
    if (!registered || !issued) throw new Error('nothing was stored');
    const rebuilt = eventOf('kirogate.projection.rebuilt', { subject: 'projection/directory' });
    fed.runAhead([registered, { ...rebuilt, partition: CONTROL_PARTITION, position: 2 }]);
    expect(fed.position()).toBe(1);
    fed.runAhead([{ ...issued, dataversion: 99 }]);
    fed.runAhead([{ ...issued, type: 'kirogate.key.of-a-newer-build' }]);
    fed.runAhead([{ ...issued, data: { name: 7 } }]);
    expect(fed.position()).toBe(1);
    fed.runAhead([issued]);
    expect(fed.position()).toBe(2);
  });

  test('ends the wait for a position that comes this way first', async () => {
    const fed = await far();
    let letThrough = (): void => undefined;
    passing = new Promise((resolve) => {
      letThrough = resolve;
    });
    const stored = await command(...life.slice(0, 2));
    const waiting = fed.catchUp(2);
    fed.runAhead(stored);
    await waiting;
    expect(fed.key('k1')?.status).toBe('active');
    letThrough();
  });

  test('reads what it was fed from the tables as soon as they answer, and goes on behind it', async () => {
    const [truth, fed] = [await near(), await far()];
    await db.query(sql`insert into vault_keys (key_id, hash) values (${'k1'}, ${'hash-1'})`);
    cut = true;
    fed.runAhead(await command(...life.slice(0, 5)));
    await db.query(sql`update users set username = ${'grace'} where id = ${'u1'}`);
    await expect(fed.catchUp()).rejects.toThrow('out of reach');
    cut = false;
    await command(...life.slice(5, 8));
    await fed.catchUp();
    await truth.catchUp();
    expect(picture(fed)).toEqual(picture(truth));
    expect(fed.user('u1')?.username).toBe('grace');
    expect(fed.knownKey('hash-1')?.id).toBe('k1');
    expect(await readPartition(db, CONTROL_PARTITION, fed.position(), 1)).toEqual([]);
  });

  test('keeps what it was fed while older rows were on their way', async () => {
    const fed = await far();
    const stored = await command(...life.slice(0, 3));
    let letThrough = (): void => undefined;
    const following = fed.catchUp();
    passing = new Promise((resolve) => {
      letThrough = resolve;
    });
    const banned = await command(eventOf('kirogate.user.banned', user));
    fed.runAhead([...stored, ...banned]);
    letThrough();
    await following;
    expect([fed.position(), fed.user('u1')?.status]).toEqual([4, 'banned']);
  });

  test('knows since when it has known everything', async () => {
    const fed = await far();
    const before = fed.followedAt();
    cut = true;
    fed.runAhead(await command(...life.slice(0, 1)));
    await expect(fed.catchUp()).rejects.toThrow();
    expect(fed.followedAt()).toBe(before);
    cut = false;
    let followed = 0;
    fed.onFollowed(() => {
      followed += 1;
    });
    const asked = systemClock.monotonic();
    await fed.catchUp();
    expect(fed.followedAt()).toBeGreaterThanOrEqual(asked);
    expect(followed).toBe(1);
  });
});
