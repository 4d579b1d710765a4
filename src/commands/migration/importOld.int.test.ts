/** An old KiroGate moves in: what becomes of each row, that a second run changes nothing, and that a run that fails leaves nothing. */
import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import sqlite from '@databases/sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { partitionHeads, readPartition, verifyArchive } from '../../events/archive.js';
import { CONTROL_PARTITION } from '../../events/define.js';
import { type Database, sql } from '../../infra/database/port.js';
import { openTestDatabase, suiteEngine, type TestDatabase } from '../../infra/database/testing/engines.js';
import { createPasswords } from '../../infra/passwords.js';
import { createVault } from '../../infra/vault.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import { defaultSettings } from '../../shared/settings.js';
import { parseKiroCredential } from '../../upstreams/kiro/credentials.js';
import { readCredential } from '../token/credentials.js';
import { identityOf, insertIdentity } from '../user/identities.js';
import { readPasswordHash } from '../user/passwords.js';
import { signInByProvider } from '../user/signInByProvider.js';
import type { MigrationFault } from './fault.js';
import { type ImportDeps, type ImportOptions, importOld } from './importOld.js';
import { readOld } from './old/read.js';
import type { Progress } from './progress.js';
import type { MigrationReport } from './report.js';
import { openSource } from './source.js';
import {
  OLD_KEY,
  OLD_TIME,
  type OldTables,
  oldApiKey,
  oldInstallation,
  oldMetrics,
  oldPasswordHash,
  oldRefreshToken,
  sha256,
  tokenCells,
  tokenColumns,
  userCells,
  userColumns,
  type WrittenOld,
  writeOld,
} from './testing/oldDatabase.js';

const vault = createVault({ key: 'the key of the new installation' });

describe('an old KiroGate (plan 16.2)', () => {
  let store: TestDatabase;
  let db: Database;
  let folders: string[];

  beforeEach(async () => {
    store = await openTestDatabase(suiteEngine(), { partitions: 2 });
    db = store.db;
    folders = [];
  });
  afterEach(async () => {
    await store.end();
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  async function old(options: Parameters<typeof writeOld>[0] = {}): Promise<WrittenOld> {
    const written = await writeOld(options);
    folders.push(written.dir);
    return written;
  }

  async function take(file: string, over: Partial<ImportOptions> = {}, more: Partial<ImportDeps> = {}): Promise<MigrationReport> {
    const source = await openSource(file);
    const ids = createIds(systemClock);
    const deps = {
      db,
      vault,
      ids,
      clock: systemClock,
      nodeId: 'n1',
      defaults: defaultSettings,
      parseCredential: (input: Readonly<Record<string, unknown>>) => parseKiroCredential(input, 'us-east-1'),
      ...more,
    };
    try {
      return await importOld(() => readOld(source.main, source.metrics), deps, {
        id: ids.short(),
        origin: 'path',
        actor: 'system',
        dryRun: false,
        keys: [OLD_KEY],
        ...over,
      });
    } finally {
      await source.close();
    }
  }

  const fault = async (work: Promise<unknown>): Promise<{ table: string | null; reason: string }> =>
    work.then(
      () => ({ table: null, reason: 'accepted' }),
      (error: unknown) => ({ table: (error as MigrationFault).table, reason: (error as MigrationFault).reason }),
    );
  const rows = (table: string, columns: string) =>
    db.query(
      sql`select ${sql.join(
        columns.split(' ').map((name) => sql.ident(name)),
        ', ',
      )} from ${sql.ident(table)} order by 1`,
    );
  const headOf = async () => (await partitionHeads(db)).get(CONTROL_PARTITION)?.position;
  const countsOf = (report: MigrationReport, table: string) => {
    const { imported, matched, passedOver } = report.tables.find((one) => one.table === table) ?? {};
    return { imported, matched, passedOver };
  };

  test('its members come with their ids, states and quotas, from rows that lie only in the write-ahead log', async () => {
    const { main, dir } = await old();
    const before = await readdir(dir);
    const report = await take(main);
    expect(countsOf(report, 'users')).toEqual({ imported: 4, matched: 0, passedOver: 0 });
    expect(await rows('users', 'id username email status quota_daily quota_monthly via created_at')).toMatchObject([
      {
        id: '1',
        username: 'ada',
        email: 'ada@example.com',
        status: 'active',
        quota_daily: 1_234,
        quota_monthly: null,
        created_at: OLD_TIME + 1,
      },
      { id: '2', username: 'bob', status: 'active', quota_daily: null, quota_monthly: null, via: 'password' },
      { id: '3', username: 'cyd', email: null, status: 'banned', via: 'admin' },
      { id: '4', username: 'dan', email: null, status: 'pending' },
    ]);
    expect(await readdir(dir), 'nothing is left beside the old file').toEqual(before);
  });

  test('passwords go on working; a malformed hash keeps the member and asks for a new one', async () => {
    const report = await take((await old()).main);
    const passwords = createPasswords({ cost: { N: 2, r: 1, p: 1 } });
    const hash = await readPasswordHash(db, '1');
    expect(await passwords.verify('the password of ada', hash)).toBe(true);
    expect(passwords.needsRehash(hash ?? '')).toBe(true);
    expect(await readPasswordHash(db, '2')).toBeNull();
    expect(report.notes).toContainEqual({ table: 'users', id: '2', note: expect.stringContaining('needs a new password') });
  });

  describe('members who signed in elsewhere', () => {
    const users = {
      columns: userColumns,
      rows: [
        userCells(1, 'ada', { email: null, github: '4711471147114711' }),
        userCells(2, 'bob', { email: 'bob@example.com', linuxdo: '8158158158158158' }),
        userCells(3, 'cyd', { email: null, github: '12', banned: 1 }),
      ],
    };
    const people = async () => (await old({ tables: { ...oldInstallation(), users }, metrics: null })).main;
    const github = (subject: string) => identityOf('github', 'https://github.com', subject);
    const linuxdo = (subject: string) => identityOf('oidc', 'https://connect.linux.do/', subject);
    const linked = async () =>
      (await db.query<{ identity: string; user_id: string }>(sql`select identity, user_id from vault_identities`))
        .map(({ identity, user_id }) => `${user_id} ${identity}`)
        .sort();

    /** Who comes in, decided as the sign-in decides it. */
    const signIn = (provider: 'github' | 'oidc', identity: string) =>
      db.tx(async (tx) => {
        const input = signInByProvider.input.parse({ provider, identity, email: null, username: 'somebody' });
        const context = { now: OLD_TIME, actor: 'system', ids: createIds(systemClock) };
        const state = await signInByProvider.load(tx, input, { ...context, defaults: defaultSettings });
        return signInByProvider.decide(state, input, context).result;
      });

    test('are recognised when they come from there again; a banned one stays out', async () => {
      await take(await people());
      expect(await signIn('github', github('4711471147114711'))).toMatchObject({ userId: '1', link: false });
      expect(await signIn('oidc', linuxdo('8158158158158158'))).toMatchObject({ userId: '2', link: false });
      await expect(signIn('github', github('12'))).rejects.toMatchObject({ code: 'user_banned' });
    });

    test.each([
      ['of another GitHub', 'github', identityOf('github', 'https://github.example', '4711471147114711')],
      ['of another issuer', 'oidc', identityOf('oidc', 'https://id.example', '8158158158158158')],
      ['who has the number elsewhere', 'oidc', linuxdo('4711471147114711')],
    ] as const)('are not mistaken for somebody %s', async (_, provider, identity) => {
      await take(await people());
      expect(['1', '2', '3']).not.toContain((await signIn(provider, identity)).userId);
    });

    test('are linked once, whichever run came first', async () => {
      const main = await people();
      await take(main);
      const first = await linked();
      expect(first).toEqual([`1 ${github('4711471147114711')}`, `2 ${linuxdo('8158158158158158')}`, `3 ${github('12')}`].sort());
      await take(main);
      expect(await linked()).toEqual(first);
    });

    test('who signed in here before the import are matched by that, not made a second time', async () => {
      await insertIdentity(db, { identity: github('4711471147114711'), provider: 'github', userId: 'here', now: OLD_TIME });
      const report = await take(await people());
      expect(countsOf(report, 'users')).toEqual({ imported: 2, matched: 1, passedOver: 0 });
      expect(report.mapped).toContainEqual({ table: 'users', from: '1', to: 'here' });
      expect(await linked()).toContain(`here ${github('4711471147114711')}`);
    });

    test('and are known here by mailbox alone get no new way in from the old file, and the report says so', async () => {
      const before = { columns: userColumns, rows: [userCells(7, 'bob of here', { email: 'bob@example.com' })] };
      await take((await old({ tables: { ...oldInstallation(), users: before }, metrics: null })).main);
      const report = await take(await people());
      expect(report.mapped).toContainEqual({ table: 'users', from: '2', to: '7' });
      expect(report.notes).toContainEqual({ table: 'users', id: '2', note: expect.stringContaining('theirs to link') });
      expect((await linked()).filter((one) => one.startsWith('7 '))).toEqual([]);
    });

    test('leave no trace of who they are there in any event', async () => {
      await take(await people());
      const text = JSON.stringify(await readPartition(db, CONTROL_PARTITION, 0, 100));
      for (const trace of ['4711471147114711', '8158158158158158', github('4711471147114711')]) expect(text).not.toContain(trace);
    });
  });

  test('credentials are sealed anew; what cannot be opened or belongs to nobody is named by id and passed over', async () => {
    const report = await take((await old()).main);
    expect(countsOf(report, 'tokens')).toEqual({ imported: 3, matched: 0, passedOver: 2 });
    expect(report.passedOver.filter(({ table }) => table === 'tokens')).toEqual([
      { table: 'tokens', id: '4', reason: 'the secret cannot be decrypted with any key at hand' },
      { table: 'tokens', id: '5', reason: 'orphan: there is no user 99' },
    ]);
    expect(await readCredential(db, vault, '1')).toMatchObject({ authType: 'social', secret: { refreshToken: oldRefreshToken('social') } });
    expect(await readCredential(db, vault, '2')).toMatchObject({ authType: 'idc', secret: { clientId: 'client-id', region: 'us-east-1' } });
    expect(await rows('tokens', 'id owner_id visibility status status_reason')).toEqual([
      { id: '1', owner_id: '1', visibility: 'public', status: 'active', status_reason: null },
      { id: '2', owner_id: '2', visibility: 'private', status: 'suspended', status_reason: 'failures' },
      { id: '3', owner_id: '1', visibility: 'private', status: 'invalid', status_reason: null },
    ]);
    expect(report.recheck, 'an IdC token called invalid waits for a check').toEqual(['2']);
  });

  test('keys keep their hash, revoked ones stay revoked, and site settings, bans, announcements and import keys come along', async () => {
    const report = await take((await old()).main);
    expect(await rows('vault_keys', 'key_id hash')).toEqual([
      { key_id: '1', hash: sha256(oldApiKey('ada')) },
      { key_id: '2', hash: sha256(oldApiKey('bob')) },
    ]);
    expect(await rows('api_keys', 'id user_id status prefix')).toMatchObject([
      { id: '1', user_id: '1', status: 'active', prefix: 'sk-adakkkkkk' },
      { id: '2', user_id: '2', status: 'revoked' },
    ]);
    expect(await rows('settings', 'name value')).toEqual([{ name: 'require_approval', value: 'true' }]);
    expect(await rows('ip_bans', 'cidr reason created_at')).toEqual([
      { cidr: '203.0.113.9', reason: 'credential stuffing', created_at: OLD_TIME },
    ]);
    expect(await rows('announcements', 'id content')).toEqual([{ id: '1', content: 'Maintenance on Sunday.' }]);
    expect(await rows('import_keys', 'id user_id status')).toEqual([{ id: '1', user_id: '1', status: 'active' }]);
    expect(report.passedOver).toContainEqual({ table: 'api_keys', id: '3', reason: 'orphan: there is no user 98' });
    expect(report.passedOver).toContainEqual({ table: 'ip_blacklist', id: 'nonsense', reason: 'is no address or range' });
    expect(report.passedOver).toContainEqual({ table: 'user_quotas', id: '97', reason: 'orphan: there is no such user' });
    expect(report.left.map(({ table }) => table)).toEqual(
      expect.arrayContaining(['activity_logs', 'token_health', 'user_notifications', 'announcement_status', 'counters']),
    );
    expect(report.left).toContainEqual({ table: 'user_quotas', rows: 1, why: expect.stringContaining('begin anew') });
  });

  test('everything is an event of the system, between the start and the end of the migration, without a secret', async () => {
    await take((await old()).main, { actor: 'admin', id: 'm1' });
    const events = await readPartition(db, CONTROL_PARTITION, 0, 100);
    expect(events[0]).toMatchObject({
      type: 'kirogate.migration.started',
      subject: 'migration/m1',
      actor: 'admin',
      data: { origin: 'path' },
    });
    expect(events.at(-1)).toMatchObject({ type: 'kirogate.migration.completed', subject: 'migration/m1', actor: 'admin' });
    for (const event of events.slice(1, -1)) expect(event).toMatchObject({ actor: 'system', causationid: 'migration/m1' });
    expect(events.find(({ subject }) => subject === 'user/1')).toMatchObject({ time: OLD_TIME + 1 });
    const text = JSON.stringify(events);
    for (const secret of [oldRefreshToken('social'), oldApiKey('ada'), 'client-secret', 'pbkdf2', 'a secret of the operator']) {
      expect(text).not.toContain(secret);
    }
    expect((await verifyArchive(db)).every(({ ok }) => ok)).toBe(true);
  });

  test('a second run changes nothing', async () => {
    const { main } = await old();
    await take(main);
    const head = await headOf();
    const report = await take(main);
    expect(await headOf()).toBe(head);
    expect(countsOf(report, 'users')).toEqual({ imported: 0, matched: 4, passedOver: 0 });
    expect(countsOf(report, 'tokens')).toEqual({ imported: 0, matched: 3, passedOver: 2 });
    expect(countsOf(report, 'api_keys')).toEqual({ imported: 0, matched: 2, passedOver: 1 });
    expect(countsOf(report, 'site_config')).toEqual({ imported: 0, matched: 2, passedOver: 1 });
  });

  test('what an admin removed after the first run does not come back', async () => {
    const { main } = await old();
    await take(main);
    await db.query(sql`delete from tokens where id = '1'`);
    await db.query(sql`delete from vault_credentials where token_id = '1'`);
    expect(countsOf(await take(main), 'tokens')).toMatchObject({ imported: 0, matched: 3 });
  });

  describe('beside commands of others', () => {
    test('is planned before their lock is taken, and holds it for longer than a command may', async () => {
      let holds = false;
      const parsedWhile: boolean[] = [];
      const watched: ImportDeps['db'] = {
        snapshot: (work) => db.snapshot(work),
        tx: (work) =>
          db.tx((tx) => {
            holds = true;
            return work(tx);
          }),
      };
      let still: unknown;
      await take(
        (await old()).main,
        {},
        {
          db: watched,
          parseCredential(input) {
            parsedWhile.push(holds);
            return parseKiroCredential(input, 'us-east-1');
          },
          async beforeCommit(tx) {
            if (tx.engine === 'sqlite') still = '20s';
            else
              [{ still }] = (await tx.query(sql`select current_setting('idle_in_transaction_session_timeout') as still`)) as [
                { still: string },
              ];
          },
        },
      );
      expect(parsedWhile).toEqual([false, false, false]);
      expect(still).toBe('20s');
    });

    test('follows what they change between plan and lock', async () => {
      const identity = identityOf('github', 'https://github.com', '4711');
      const changing: ImportDeps['db'] = {
        async snapshot(work) {
          const planned = await db.snapshot(work);
          await insertIdentity(db, { identity, provider: 'github', userId: 'came-between', now: OLD_TIME });
          return planned;
        },
        tx: (work) => db.tx(work),
      };
      const report = await take((await old()).main, {}, { db: changing });
      expect(report.mapped).toContainEqual({ table: 'users', from: '1', to: 'came-between' });
      expect(await db.query(sql`select user_id from api_keys where id = '1'`)).toEqual([{ user_id: 'came-between' }]);
    });
  });

  test('a taken id is mapped to a new one, and members are known by their mailbox or their account elsewhere', async () => {
    await take((await old()).main);
    const users = {
      columns: userColumns,
      rows: [
        userCells(1, 'ADA again', { email: 'Ada@Example.com' }),
        userCells(2, 'somebody else', { email: 'else@example.com', at: OLD_TIME + 99 }),
        userCells(3, 'ada at github', { email: null, github: '4711', at: OLD_TIME + 98 }),
      ],
    };
    const tokens = { columns: tokenColumns, rows: [tokenCells(1, 2, { name: 'another' })] };
    const report = await take((await old({ tables: { ...oldInstallation(), users, tokens }, metrics: null })).main);
    expect(countsOf(report, 'users')).toEqual({ imported: 1, matched: 2, passedOver: 0 });
    const mapped = report.mapped.find(({ table, from }) => table === 'users' && from === '2')?.to;
    expect(mapped).toMatch(/^[0-9a-z]{16}$/);
    expect(report.mapped).toContainEqual({ table: 'users', from: '3', to: '1' });
    expect(await db.query(sql`select owner_id from tokens where id not in ('1', '2', '3')`)).toEqual([{ owner_id: mapped }]);
  });

  test('a dry run tells the same and changes nothing', async () => {
    const { main } = await old();
    const dry = await take(main, { dryRun: true });
    expect(await headOf()).toBe(0);
    expect(await rows('imported_rows', 'id')).toEqual([]);
    const { dryRun, ...told } = await take(main);
    expect(dryRun).toBe(false);
    expect({ ...told, dryRun: true, mapped: [] }).toEqual({ ...dry, mapped: [] });
  });

  test('older variants without newer tables and columns, and with columns in another order, come in', async () => {
    const columns = ['created_at', 'username', 'id', 'email'];
    const tables: OldTables = {
      users: { columns, rows: [[OLD_TIME, 'eve', 8, 'eve@example.com']] },
      tokens: {
        columns: ['token_hash', 'refresh_token_encrypted', 'user_id', 'id'],
        rows: [
          (([id, user, sealed, hash]) => [hash ?? null, sealed ?? null, user ?? null, id ?? null])(tokenCells(5, 8, { name: 'early' })),
        ],
      },
    };
    const report = await take((await old({ tables, metrics: null })).main);
    expect(report.tables).toEqual([
      { table: 'users', rows: 1, imported: 1, matched: 0, passedOver: 0 },
      { table: 'tokens', rows: 1, imported: 1, matched: 0, passedOver: 0 },
    ]);
    expect(await rows('users', 'id username email status')).toEqual([
      { id: '8', username: 'eve', email: 'eve@example.com', status: 'active' },
    ]);
  });

  test('a file without its write-ahead log is told, and gives what it has', async () => {
    const { main } = await old();
    await rm(`${main}-wal`);
    const report = await take(main);
    expect(report.warnings).toContainEqual(expect.stringContaining('no -wal lies beside'));
    expect(countsOf(report, 'users')).toEqual({ imported: 0, matched: 0, passedOver: 0 });
  });

  describe('with odd values', () => {
    const users = (rows: readonly (readonly (string | number | null)[])[]) => ({ columns: userColumns, rows });
    const told = (report: MigrationReport) => report.notes.map(({ table, id, note }) => `${table} ${id} ${note}`);

    test('with a NUL anywhere in its texts it comes, mended, and says so', async () => {
      const { import_keys, announcements, ...rest } = oldInstallation();
      const sound = oldPasswordHash('the password of eve');
      const spoilt = (cells: readonly (string | number | null)[] | undefined, at: number, text: string) =>
        [...(cells ?? [])].with(at, text);
      const tables = {
        ...rest,
        users: users([
          userCells(1, 'ada\0da', { email: 'ada\0@example.com', github: '47\u000011' }),
          userCells(2, 'bob', { hash: sound.replace('120000$', '120000$\0') }),
          userCells(3, 'cyd', { hash: `${sound}\0` }),
          userCells(4, 'dan', { approval: 'pend\0ing' }),
        ]),
        api_keys: { columns: rest.api_keys?.columns ?? [], rows: [spoilt(spoilt(rest.api_keys?.rows[0], 4, 'my\0key'), 3, 'sk-\0')] },
        import_keys: { columns: import_keys?.columns ?? [], rows: [spoilt(import_keys?.rows[0], 4, 'ik\0')] },
        announcements: { columns: announcements?.columns ?? [], rows: [spoilt(announcements?.rows[0], 1, 'one\r\ntwo\0three')] },
      };
      const bans = {
        columns: ['ip', 'banned_at', 'reason'],
        rows: [
          ['203.0.113.9', OLD_TIME, 'spam\0'],
          ['\0', OLD_TIME, null],
        ],
      };
      const report = await take((await old({ tables, metrics: { ...oldMetrics(), ip_blacklist: bans } })).main);
      expect(countsOf(report, 'users')).toMatchObject({ imported: 4 });
      expect(await rows('users', 'id username email')).toMatchObject([{ username: 'ada da', email: null }, {}, {}, {}]);
      expect(await rows('vault_passwords', 'user_id')).toEqual([]);
      expect(await rows('vault_identities', 'user_id')).toEqual([]);
      expect(await rows('api_keys', 'name prefix')).toEqual([{ name: 'my key', prefix: 'sk-' }]);
      expect(await rows('announcements', 'content')).toEqual([{ content: 'one\ntwo three' }]);
      expect(told(report)).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^users 1 its username held characters that cannot be kept/),
          expect.stringMatching(/^users 1 its e-mail address is .* the member is kept without/),
          expect.stringMatching(/^users 1 its github_id is .* that way in does not come/),
          expect.stringMatching(/^users 2 the password hash is malformed/),
          expect.stringMatching(/^users 3 the password hash is malformed/),
          expect.stringMatching(/^api_keys 1 its name held/),
          expect.stringMatching(/^announcements 1 its content held/),
          expect.stringMatching(/^ip_blacklist 203.0.113.9 its reason held/),
        ]),
      );
    });

    test('with longer texts than are kept it says what was cut, and never takes a shortened name for somebody', async () => {
      const long = (end: string) => `${'9'.repeat(120)}${end}`;
      const tables = {
        ...oldInstallation(),
        users: users([
          userCells(1, `ada ${'a'.repeat(200)}`, { email: `${'a'.repeat(300)}@example.com`, github: long('1') }),
          userCells(2, 'bob', { email: `${'a'.repeat(300)}@example.org`, github: long('2') }),
        ]),
      };
      const report = await take((await old({ tables })).main);
      expect(countsOf(report, 'users')).toEqual({ imported: 2, matched: 0, passedOver: 0 });
      expect(await rows('vault_identities', 'user_id')).toEqual([]);
      expect(told(report)).toEqual(
        expect.arrayContaining([
          'users 1 its username was 204 characters long: it was cut to 100',
          expect.stringMatching(/^users 1 its e-mail address is longer/),
          expect.stringMatching(/^users 2 its github_id is longer/),
        ]),
      );
    });

    test('with ids that no number can hold, each token comes to its own member', async () => {
      const [one, other] = ['9223372036854775806', '9223372036854775807'];
      const withId = (cells: (string | number | null)[], id: string, owner?: string) =>
        owner === undefined ? cells.with(0, id) : cells.with(0, id).with(1, owner);
      const tables = {
        ...oldInstallation(),
        users: users([withId(userCells(1, 'ada'), one), withId(userCells(2, 'bob'), other)]),
        tokens: {
          columns: tokenColumns,
          rows: [withId(tokenCells(1, 1, { name: 'of-ada' }), one, one), withId(tokenCells(2, 2, { name: 'of-bob' }), other, other)],
        },
      };
      await take((await old({ tables })).main);
      expect(await rows('users', 'id username')).toEqual([
        { id: one, username: 'ada' },
        { id: other, username: 'bob' },
      ]);
      expect(await rows('tokens', 'id owner_id')).toEqual([
        { id: one, owner_id: one },
        { id: other, owner_id: other },
      ]);
    });

    test('a table without row numbers, and one whose own columns hide them, come whole', async () => {
      const { main } = await old({ metrics: null, wal: false });
      const file = sqlite.default(main);
      const run = (text: string) => file.query(sql`${sql.__dangerous__rawValue(text)}`);
      await run('create table site_config (key text primary key, value) without rowid');
      await run(`insert into site_config values ('require_approval', '1'), ('self_use_enabled', '1'), ('zz', '0')`);
      await run('create table ip_blacklist (ip text, rowid text, banned_at integer)');
      await run(
        "insert into ip_blacklist select '198.51.100.' || value, 'same', 1700000000000 from (with recursive n(value) as (select 0 union all select value + 1 from n where value < 255) select value from n)",
      );
      await run('create table keys_now as select * from api_keys');
      await run('drop table api_keys');
      await run(
        'create table api_keys (id integer, user_id, key_hash, name, is_active, created_at, primary key (user_id, id)) without rowid',
      );
      await run(
        "with recursive n(value) as (select 1 union all select value + 1 from n where value < 2500) insert into api_keys select value, 1 + value % 2, printf('%064x', value), 'key ' || value, 1, 1700000000000 from n",
      );
      await file.dispose();
      const report = await take(main);
      expect(countsOf(report, 'api_keys')).toEqual({ imported: 2_500, matched: 0, passedOver: 0 });
      expect(countsOf(report, 'ip_blacklist')).toEqual({ imported: 256, matched: 0, passedOver: 0 });
      expect(countsOf(report, 'site_config')).toEqual({ imported: 2, matched: 0, passedOver: 1 });
    });
  });

  test('quotas and dates that cannot be taken are told', async () => {
    const { users, api_keys, user_quotas, ...rest } = oldInstallation();
    const withDate = (cells: readonly (string | number | null)[], at: number, date: string | null) => cells.with(at, date);
    const tables = {
      ...rest,
      users: {
        columns: userColumns,
        rows: (users?.rows ?? []).map((cells, index) =>
          index === 3 ? withDate(cells, userColumns.indexOf('created_at'), 'long ago') : cells,
        ),
      },
      api_keys: {
        columns: api_keys?.columns ?? [],
        rows: (api_keys?.rows ?? []).map((cells, index) => (index === 0 ? withDate(cells, 8, null) : cells)),
      },
      user_quotas: {
        columns: user_quotas?.columns ?? [],
        rows: [
          [1, 2_000_000_000, 300, 0, 0, 0, 0],
          [2, -1, 'lots', 0, 0, 0, 0],
          [3, 2.5, null, 0, 0, 0, 0],
        ],
      },
    };
    const report = await take((await old({ tables })).main);
    const told = report.notes
      .filter(({ table, note }) => table === 'user_quotas' || note.includes('date'))
      .map(({ table, id, note }) => `${table} ${id} ${note}`);
    expect(told).toEqual([
      expect.stringMatching(/^user_quotas 1 daily_quota 2000000000 is no number/),
      expect.stringMatching(/^user_quotas 2 daily_quota -1 is no number/),
      expect.stringMatching(/^user_quotas 2 monthly_quota "lots" is no number/),
      expect.stringMatching(/^user_quotas 3 daily_quota 2.5 is no number/),
      expect.stringMatching(/^users 4 its date \("long ago"\) cannot be read/),
      expect.stringMatching(/^api_keys 1 its date \(""\) cannot be read/),
    ]);
    expect(await rows('users', 'id quota_daily quota_monthly')).toMatchObject([{ quota_daily: null, quota_monthly: 300 }, {}, {}, {}]);
  });

  test('what a killed service had not committed to its metrics.db stays out, and the folder stays as it is', async () => {
    const { main, metrics, dir } = await old();
    const service = sqlite.default(metrics);
    const run = (text: string) => service.query(sql`${sql.__dangerous__rawValue(text)}`);
    await run(
      "insert into ip_blacklist select '198.51.100.' || value, 1700000000000, printf('%.900c', 'x') from (with recursive n(value) as (select 1 union all select value + 1 from n where value < 40) select value from n)",
    );
    await run('pragma cache_size = 1');
    await run('begin immediate');
    await run("insert into site_config values ('site_enabled', '0')");
    await run("update site_config set value = '0' where key = 'site_enabled'");
    await run('delete from ip_blacklist');
    await run('insert into counters select hex(randomblob(900)), 1 from sqlite_master a, sqlite_master b, sqlite_master c');
    await mkdir(join(dir, 'killed'));
    const killed = join(dir, 'killed', 'metrics.db');
    for (const end of ['', '-journal']) await copyFile(metrics + end, killed + end);
    await service.dispose();
    await rename(main, join(dir, 'killed', 'KiroGate.db'));
    await rename(`${main}-wal`, join(dir, 'killed', 'KiroGate.db-wal'));
    const before = await readFile(killed);
    const report = await take(join(dir, 'killed', 'KiroGate.db'));
    expect(countsOf(report, 'ip_blacklist')).toEqual({ imported: 41, matched: 0, passedOver: 1 });
    expect(await rows('settings', 'name value')).toEqual([{ name: 'require_approval', value: 'true' }]);
    expect(await readFile(killed)).toEqual(before);
    expect((await readdir(join(dir, 'killed'))).sort()).toEqual(['KiroGate.db', 'KiroGate.db-wal', 'metrics.db', 'metrics.db-journal']);
  });

  test('a published key is found without being named, and told loudly', async () => {
    const tables = {
      ...oldInstallation(),
      tokens: { columns: tokenColumns, rows: [tokenCells(1, 1, { name: 'open', sealedWith: 'change-me-in-production' })] },
    };
    const report = await take((await old({ tables })).main, { keys: [] });
    expect(countsOf(report, 'tokens')).toMatchObject({ imported: 1 });
    expect(report.warnings).toContainEqual(expect.stringContaining('PUBLISHED DEFAULT'));
  });

  test('progress counts tables and rows to the end', async () => {
    const seen: Progress[] = [];
    await take((await old()).main, { onProgress: (progress) => seen.push(progress) });
    expect(seen[0]).toMatchObject({ rowsDone: 0, tablesTotal: 8 });
    const last = seen.at(-1);
    expect(last).toMatchObject({ tablesDone: last?.tablesTotal, rowsDone: last?.rowsTotal });
  });

  describe('with something wrong', () => {
    test('a wrong key is named, and nothing is kept', async () => {
      const tables = {
        ...oldInstallation(),
        tokens: { columns: tokenColumns, rows: [tokenCells(1, 1, { name: 'a' }), tokenCells(2, 1, { name: 'b' })] },
      };
      expect(await fault(take((await old({ tables })).main, { keys: ['not the key'] }))).toEqual({
        table: 'tokens',
        reason: 'none of the 2 secrets opens: give the TOKEN_ENCRYPT_KEY of the old installation',
      });
      expect(await rows('users', 'id')).toEqual([]);
      const events = await readPartition(db, CONTROL_PARTITION, 0, 10);
      expect(events.map(({ type }) => type)).toEqual(['kirogate.migration.failed']);
    });

    test('a corrupt page in the middle ends the run before anything is written, and its table is named', async () => {
      const many = { columns: userColumns, rows: Array.from({ length: 2_000 }, (_, index) => userCells(index + 1, `user ${index}`)) };
      const { main } = await old({ tables: { ...oldInstallation(), users: many }, wal: false });
      await overwrite(main, Math.floor((await stat(main)).size / 2 / 4096) * 4096, 4096);
      const found = await fault(take(main));
      expect(found.table).toBe('users');
      expect(found.reason).toContain('is damaged');
      expect(await rows('users', 'id')).toEqual([]);
      expect(await rows('imported_rows', 'id')).toEqual([]);
    });

    test('a write that fails rolls the whole run back, and its table is named', async () => {
      const { main } = await old();
      await db.query(sql`insert into vault_keys (key_id, hash) values ('2', 'of something else')`);
      const found = await fault(take(main));
      expect(found.table).toBe('api_keys');
      for (const table of ['users', 'tokens', 'api_keys']) expect(await rows(table, 'id')).toEqual([]);
      expect((await verifyArchive(db)).every(({ ok }) => ok)).toBe(true);
    });

    test.each([
      ['no database', 'is not an SQLite database', async (path: string) => overwrite(path, 0, 64)],
      ['a file cut off', 'is cut off', async (path: string) => truncate(path, 0.5)],
      ['a file that is not there', 'cannot be read: ENOENT', async (path: string) => rm(path)],
    ])('%s is named', async (_, reason, spoil) => {
      const { main } = await old({ wal: false });
      await spoil(main);
      expect((await fault(take(main))).reason).toContain(reason);
    });

    test('a write-ahead log that was cut off is named, and nothing is kept', async () => {
      const { main } = await old();
      await truncate(`${main}-wal`, 0.5);
      expect((await fault(take(main))).reason).toContain('KiroGate.db-wal is cut off');
      expect(await rows('users', 'id')).toEqual([]);
    });

    test("another program's database, and the old metrics.db, are named", async () => {
      const other = await old({ tables: { songs: { columns: ['id', 'title'], rows: [[1, 'x']] } }, metrics: oldMetrics() });
      expect((await fault(take(other.main))).reason).toContain('is no KiroGate database: it holds other tables (songs)');
      expect((await fault(take(other.metrics))).reason).toContain('is the old metrics.db');
    });
  });
});

async function overwrite(path: string, at: number, bytes: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(bytes, 0xa5), 0, bytes, at);
  await file.close();
}

async function truncate(path: string, share: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.truncate(Math.floor((await file.stat()).size * share));
  await file.close();
}
