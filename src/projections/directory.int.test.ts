/** The directory over real databases: loads, follows, and knows a change as soon as it was told to look. */
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../tests/support/until.js';
import { appendToArchive } from '../events/archive.js';
import { CONTROL_PARTITION, type NewEvent } from '../events/define.js';
import { type Database, sql } from '../infra/database/port.js';
import { systemClock } from '../shared/clock.js';
import { defaultSettings } from '../shared/settings.js';
import { type DirectoryChange, type LiveDirectory, openDirectory } from './directory.js';
import { applyEvents } from './runner/apply.js';
import { eventOf, MONDAY } from './testing/events.js';
import { openStore } from './testing/store.js';

const never = 3_600_000;
let db: Database;
let directory: LiveDirectory;
const open: LiveDirectory[] = [];

beforeEach(async () => {
  db = await openStore();
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await db.close();
});

async function openOne(pollMs = never, over: Database = db): Promise<LiveDirectory> {
  directory = await openDirectory({
    db: over,
    defaults: { ...defaultSettings, token_rpm_limit: 7 },
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    pollMs,
  });
  open.push(directory);
  return directory;
}

/** As a command's transaction does it; answers the control position. */
async function command(...events: NewEvent[]): Promise<number> {
  return db.tx(async (tx) => {
    const stored = await appendToArchive(tx, CONTROL_PARTITION, events);
    await applyEvents(tx, stored);
    return stored.at(-1)?.position ?? 0;
  });
}

const user = (id: string): NewEvent => eventOf('kirogate.user.registered', { subject: `user/${id}`, time: MONDAY });
const token = (id: string): NewEvent => eventOf('kirogate.token.donated', { subject: `token/${id}`, time: MONDAY });
async function issueKey(id: string, hash: string): Promise<number> {
  await db.query(sql`insert into vault_keys (key_id, hash) values (${id}, ${hash})`);
  return command(eventOf('kirogate.key.issued', { subject: `key/${id}`, time: MONDAY, data: { userId: 'u1', allowedModels: ['m'] } }));
}

describe('sessions that ended', () => {
  const endOf = (session: string, userId: string | null, time: number): NewEvent =>
    eventOf('kirogate.session.ended', { subject: `session/${userId === null ? 'admin' : 'member'}`, time, data: { session, userId } });

  test('are known to every node at its next look, and to one that starts later', async () => {
    const early = await openOne(250);
    const now = systemClock.now();
    await command(user('u1'));
    await command(endOf('s1', 'u1', now), endOf('s2', null, now));
    const known = (one: LiveDirectory) => [one.sessions.isEnded('u1', 's1'), one.sessions.isEnded('admin', 's2')];
    await until('the poll', () => known(early).every(Boolean) || undefined, 1_000);
    const late = await openOne();
    expect(known(late)).toEqual([true, true]);
    expect([late.sessions.isEnded('u1', 's2'), late.sessions.isEnded('u2', 's1')]).toEqual([false, false]);
  });

  test('are forgotten once their cookies are good for nothing, or all sessions of their owner have ended', async () => {
    const now = systemClock.now();
    await command(user('u1'));
    const end = await command(endOf('old', 'u1', now - 14 * 3_600_000), endOf('s1', 'u1', now), endOf('s2', null, now));
    expect((await openOne()).sessions.isEnded('u1', 'old')).toBe(false);
    await command(
      eventOf('kirogate.user.sessions-revoked', { subject: 'user/u1', time: now, data: { from: 1, to: 2 } }),
      eventOf('kirogate.session.admins-ended', { subject: 'session/admin', time: now, data: {} }),
    );
    await directory.catchUp();
    expect([directory.sessions.count('u1'), directory.sessions.count('admin')]).toEqual([0, 0]);
    expect(directory.sessions.adminVersion()).toBe(end + 2);
    expect((await openOne()).sessions.adminVersion()).toBe(end + 2);
  });

  test('are taken from the control stream while the database is away', async () => {
    const one = await openOne();
    const stored = { ...endOf('s1', 'u1', systemClock.now()), partition: CONTROL_PARTITION, position: one.position() + 1 };
    one.runAhead([stored]);
    expect(one.sessions.isEnded('u1', 's1')).toBe(true);
  });
});

describe('the directory', () => {
  test('does not wait for a connection that hangs: it asks anew on another one', async () => {
    let hangs = 0;
    const over: Database = {
      ...{ engine: db.engine, tx: db.tx.bind(db), snapshot: db.snapshot.bind(db), ping: db.ping.bind(db), close: db.close.bind(db) },
      query: (query) => {
        hangs -= 1;
        return hangs >= 0 ? new Promise(() => undefined) : db.query(query);
      },
    };
    const logger = pino({ level: 'silent' });
    const one = await openDirectory({ db: over, defaults: defaultSettings, clock: systemClock, logger, pollMs: 20, answerMs: 200 });
    open.push(one);
    hangs = 2;
    await command(user('u7'));
    await until('the new member', () => one.user('u7'));
    expect(hangs).toBeLessThan(0);
  });

  test('loads what is there, with its position', async () => {
    await command(user('u1'), token('t1'));
    const position = await issueKey('k1', 'hash-1');
    await openOne();
    expect(directory.position()).toBe(position);
    expect(directory.user('u1')).toEqual({
      id: 'u1',
      username: 'ada',
      email: 'ada@example.com',
      status: 'active',
      sessionVersion: 1,
      quotaDaily: null,
      quotaMonthly: null,
      createdAt: MONDAY,
    });
    expect(directory.keyByHash('hash-1')).toMatchObject({ id: 'k1', userId: 'u1', status: 'active', allowedModels: ['m'], rpmLimit: null });
    expect(directory.key('k1')).toBe(directory.keyByHash('hash-1'));
    expect([...directory.tokens()]).toMatchObject([
      { id: 't1', ownerId: 'k3v9x2m7q1w8e4r6', visibility: 'public', status: 'active', position: 2 },
    ]);
  });

  test('looks at once when it is rung, in two looks at most however often', async () => {
    let looks = 0;
    const counting: Database = Object.assign(Object.create(db) as Database, {
      engine: db.engine,
      snapshot: db.snapshot.bind(db),
      query: (query: Parameters<Database['query']>[0]) => {
        looks += 1;
        return db.query(query);
      },
    });
    await openOne(never, counting);
    const position = await command(user('u1'));
    const before = looks;
    for (let rings = 0; rings < 50; rings += 1) directory.bell();
    await until('the change', () => (directory.position() === position ? true : undefined));
    await directory.catchUp();
    // Each look reads the archive (on PostgreSQL after asking which days), the first also the row that changed; the last is this test's own.
    expect(looks - before).toBeLessThanOrEqual(db.engine === 'sqlite' ? 4 : 7);
    expect(directory.user('u1')?.status).toBe('active');
  });

  test('knows a change as soon as it caught up, and tells what changed', async () => {
    await command(user('u1'), token('t1'));
    await openOne();
    const told: DirectoryChange[] = [];
    const end = directory.onChange((change) => void told.push(change));
    const position = await command(
      eventOf('kirogate.user.banned', { subject: 'user/u1' }),
      eventOf('kirogate.token.suspended', { subject: 'token/t1', data: { reason: 'credits', until: MONDAY + 5 } }),
    );
    await directory.catchUp(position);
    expect(directory.user('u1')?.status).toBe('banned');
    expect(directory.token('t1')).toMatchObject({ status: 'suspended', statusReason: 'credits', parkedUntil: MONDAY + 5, position });
    expect(told).toEqual([{ users: new Set(['u1']), keys: new Set(), tokens: new Set(['t1']), settings: false }]);
    end();
    await directory.catchUp(await command(eventOf('kirogate.token.removed', { subject: 'token/t1' })));
    expect(directory.token('t1')).toBeUndefined();
    expect(told).toHaveLength(1);
  });

  test('a catch-up that began before a commit does not answer for it', async () => {
    await openOne();
    const early = directory.catchUp();
    const position = await command(user('u1'));
    await Promise.all([early, directory.catchUp(position), directory.catchUp(position), directory.catchUp()]);
    expect(directory.position()).toBe(position);
    expect(directory.user('u1')).toBeDefined();
  });

  test('follows by itself', async () => {
    await openOne(1);
    const changed = new Promise<DirectoryChange>((resolve) => directory.onChange(resolve));
    await command(user('u1'));
    expect((await changed).users).toEqual(new Set(['u1']));
  });

  test('lets a stored setting win over the environment, and null hand it back', async () => {
    await openOne();
    const set = (to: number | null): NewEvent =>
      eventOf('kirogate.config.changed', { subject: 'config', data: { changes: [{ setting: 'token_rpm_limit', from: null, to }] } });
    expect([directory.settings().token_rpm_limit, directory.storedSettings()]).toEqual([7, {}]);
    await directory.catchUp(await command(set(20)));
    expect([directory.settings().token_rpm_limit, directory.storedSettings()]).toEqual([20, { token_rpm_limit: 20 }]);
    await directory.catchUp(await command(set(null)));
    expect([directory.settings().token_rpm_limit, directory.storedSettings()]).toEqual([7, {}]);
  });

  test('bans addresses and ranges', async () => {
    await openOne();
    await directory.catchUp(await command(eventOf('kirogate.ip.banned', { subject: 'ip/203.0.113.0/24' })));
    expect([directory.isBanned('203.0.113.9'), directory.isBanned('203.0.114.9')]).toEqual([true, false]);
    await directory.catchUp(await command(eventOf('kirogate.ip.unbanned', { subject: 'ip/203.0.113.0/24' })));
    expect(directory.isBanned('203.0.113.9')).toBe(false);
  });

  test('finds a key that it has not heard of yet in the database, and a revoked one as revoked', async () => {
    await openOne();
    await issueKey('k1', 'hash-1');
    expect(await directory.keyByHash('hash-1')).toMatchObject({ id: 'k1', status: 'active' });
    expect(await directory.keyByHash('made-up')).toBeUndefined();
    await directory.catchUp(await command(eventOf('kirogate.key.revoked', { subject: 'key/k1' })));
    expect(directory.keyByHash('hash-1')).toMatchObject({ status: 'revoked' });
  });

  test('goes on with what it knows while the database is gone, and follows again after', async () => {
    await command(user('u1'));
    let broken = false;
    const fragile = {
      ...portOf(db),
      query: ((query) => (broken ? Promise.reject(new Error('gone')) : db.query(query))) as Database['query'],
    };
    await openOne(1, fragile);
    broken = true;
    await expect(directory.catchUp()).rejects.toThrow('gone');
    expect(directory.user('u1')).toBeDefined();
    const changed = new Promise((resolve) => directory.onChange(resolve));
    await command(user('u2'));
    broken = false;
    await changed;
    expect(directory.user('u2')).toBeDefined();
  });

  test('a listener that throws keeps nobody else from being told', async () => {
    await openOne();
    const told: number[] = [];
    directory.onChange(() => {
      throw new Error('mine');
    });
    directory.onChange(() => void told.push(1));
    await directory.catchUp(await command(user('u1')));
    expect(told).toEqual([1]);
  });

  test('reads everything anew after its tables were rebuilt', async () => {
    await command(user('u1'), user('u2'));
    await openOne();
    await db.query(sql`update users set username = ${'grace'} where id = ${'u2'}`);
    await directory.catchUp(await command(eventOf('kirogate.projection.rebuilt', { subject: 'projection/directory' })));
    expect(directory.user('u2')?.username).toBe('grace');
  });
});

function portOf(database: Database): Database {
  return {
    engine: database.engine,
    query: (query) => database.query(query),
    tx: (fn) => database.tx(fn),
    snapshot: (fn) => database.snapshot(fn),
    ping: () => database.ping(),
    close: () => database.close(),
  };
}
