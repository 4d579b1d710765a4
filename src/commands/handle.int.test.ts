/** Commands on real databases: durable, one after the other, all or nothing, and secrets in the vault alone. */
import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AppError } from '../errors.js';
import { partitionHeads, readPartition, verifyArchive } from '../events/archive.js';
import { CONTROL_PARTITION } from '../events/define.js';
import { DatabaseError } from '../infra/database/errors.js';
import { type Database, type Queryable, sql } from '../infra/database/port.js';
import { openTestDatabase, suiteEngine, type TestDatabase } from '../infra/database/testing/engines.js';
import { createPasswords } from '../infra/passwords.js';
import { createVault } from '../infra/vault.js';
import { systemClock } from '../shared/clock.js';
import { createIds } from '../shared/ids.js';
import { defaultSettings } from '../shared/settings.js';
import { changeConfig } from './config/change.js';
import { decided, defineCommand } from './define.js';
import { type CommandService, createCommands } from './handle.js';
import { banIp } from './ip/ban.js';
import { hashKey, issueKey } from './key/issue.js';
import { revokeKey } from './key/revoke.js';
import { readCredential } from './token/credentials.js';
import { donateToken } from './token/donate.js';
import { removeToken } from './token/remove.js';
import { suspendToken } from './token/suspend.js';
import { banUsers } from './user/ban.js';
import { createUser } from './user/create.js';
import { readPasswordHash } from './user/passwords.js';
import { recordUserSignIn } from './user/recordSignIn.js';
import { registerUser } from './user/register.js';

const vault = createVault({ key: 'a key for this test' });
const passwords = createPasswords({ cost: { N: 2, r: 1, p: 1 } });
const admin = { actor: 'admin' };
const credential = {
  authType: 'social',
  secret: { refreshToken: 'PLAINTEXT-REFRESH-TOKEN' },
  fingerprint: 'FINGERPRINT-OF-IT',
  region: 'us-east-1',
};
const gift = { ownerId: null, visibility: 'public' as const, provider: 'kiro', credential };

/** Everything that is stored, as it lies there: the bytes of SQLite's file, the rows of PostgreSQL's tables. */
async function stored(db: Database): Promise<string> {
  if (db.engine === 'sqlite') {
    await db.query(sql`pragma wal_checkpoint(truncate)`);
    const [main] = await db.query<{ file: string }>(sql`pragma database_list`);
    return readFile(main?.file ?? '', 'latin1');
  }
  const tables = await db.query<{ name: string }>(
    sql`select relname as name from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r'`,
  );
  const rows = await Promise.all(tables.map(({ name }) => db.query(sql`select * from ${sql.ident(name)}`)));
  return JSON.stringify(rows);
}

describe('commands', () => {
  let store: TestDatabase;
  let db: Database;
  let commands: CommandService;
  let followed: number[];

  const over = (database: Database): CommandService =>
    createCommands({
      db: database,
      directory: () => ({ catchUp: async (position?: number) => void followed.push(position ?? 0) }),
      clock: systemClock,
      ids: createIds(systemClock),
      nodeId: 'n1',
      vault,
      passwords,
      logger: pino({ level: 'silent' }),
      defaults: defaultSettings,
      after: () => ({ cancel: () => undefined }),
    });
  const controlEvents = () => readPartition(db, CONTROL_PARTITION, 0, 1_000);
  const code = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'accepted',
      (error: unknown) => (error instanceof AppError ? error.code : String(error)),
    );

  beforeEach(async () => {
    store = await openTestDatabase(suiteEngine(), { partitions: 2 });
    db = store.db;
    followed = [];
    commands = over(db);
  });
  afterEach(async () => {
    await commands.close();
    await store.end();
  });

  test('a confirmed command is in the archive, in the read model and in the directory, and outlives the process', async () => {
    const { id } = await commands.execute(
      createUser,
      { username: 'Ada', email: 'ada@example.com' },
      { actor: 'admin', correlationId: 'r1' },
    );
    const again = await store.another();
    expect(await again.query(sql`select id, username, status, quota_daily from users`)).toEqual([
      { id, username: 'Ada', status: 'active', quota_daily: null },
    ]);
    const [event] = await readPartition(again, CONTROL_PARTITION, 0, 10);
    expect(event).toMatchObject({
      type: 'kirogate.user.registered',
      subject: `user/${id}`,
      actor: 'admin',
      correlationid: 'r1',
      position: 1,
      source: '/kirogate/nodes/n1',
    });
    expect(followed).toEqual([1]);
  });

  test('concurrent commands run one after the other: of twenty equal sign-ups one wins', async () => {
    const signUp = (n: number) =>
      commands.execute(registerUser, { username: `u${n}`, email: 'Same@example.com', password: 'long enough' }, { actor: 'system' });
    const codes = await Promise.all(Array.from({ length: 20 }, (_, n) => code(signUp(n))));
    expect(codes.filter((one) => one === 'accepted')).toHaveLength(1);
    expect(codes.filter((one) => one === 'conflict')).toHaveLength(19);
    expect(await controlEvents()).toHaveLength(1);
  });

  test('concurrent changes of settings lose nothing', async () => {
    const patches = [{ token_rpm_limit: 11 }, { token_rph_limit: 12 }, { token_max_concurrent: 3 }, { site_enabled: false }];
    await Promise.all(patches.map((patch) => commands.execute(changeConfig, patch, admin)));
    const rows = await db.query<{ name: string; value: string }>(sql`select name, value from settings`);
    expect(Object.fromEntries(rows.map((row) => [row.name, JSON.parse(row.value)]))).toEqual(Object.assign({}, ...patches));
    expect((await verifyArchive(db)).every(({ ok }) => ok)).toBe(true);
  });

  test('two nodes never give a position twice', async () => {
    const other = await store.another();
    const others = over(other);
    await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? commands : others).execute(banIp, { ip: `10.0.0.${n}` }, admin)));
    expect((await controlEvents()).map(({ position }) => position)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    await others.close();
  });

  test('of many commands on two nodes none loses an update, and the control partition has no gap', async () => {
    const { id } = await commands.execute(createUser, { username: 'Ada', email: 'ada@example.com' }, admin);
    const nodes = [commands, over(await store.another())];
    const names = Array.from({ length: 40 }, (_, n) => `k${n}`);
    await Promise.all(names.map((name, n) => nodes[n % 2]?.execute(issueKey, { userId: id, name }, admin)));
    const patches = [{ token_rpm_limit: 11 }, { token_rph_limit: 12 }, { token_max_concurrent: 3 }, { site_enabled: false }];
    await Promise.all(patches.map((patch, n) => nodes[n % 2]?.execute(changeConfig, patch, admin)));
    expect((await db.query<{ name: string }>(sql`select name from api_keys`)).map(({ name }) => name).sort()).toEqual(names.toSorted());
    expect(await db.query(sql`select name from settings`)).toHaveLength(patches.length);
    expect((await controlEvents()).map(({ position }) => position)).toEqual(Array.from({ length: 45 }, (_, n) => n + 1));
    expect((await partitionHeads(db)).get(CONTROL_PARTITION)?.position).toBe(45);
    expect((await verifyArchive(db)).every(({ ok }) => ok)).toBe(true);
    await nodes[1]?.close();
  });

  test('a refused command changes nothing and is recorded: at once, then counted', async () => {
    await commands.execute(banIp, { ip: '10.0.0.1' }, admin);
    for (let i = 0; i < 3; i += 1) expect(await code(commands.execute(banIp, { ip: '10.0.0.1' }, admin))).toBe('conflict');
    const refusals = async () =>
      (await controlEvents()).filter(({ type }) => type === 'kirogate.admin.command-refused').map(({ data }) => data);
    expect(await refusals()).toEqual([
      { command: 'ip.ban', code: 'conflict', message: '10.0.0.1 is banned already.', param: 'ip', target: null, count: 1 },
    ]);
    await commands.close();
    expect(await refusals()).toMatchObject([{ count: 1 }, { count: 2 }]);
    expect(await db.query(sql`select type from audit order by at, id`)).toHaveLength(3);
    expect(await db.query(sql`select id from ip_bans`)).toHaveLength(1);
  });

  test('bad input is refused with its field, whoever asks; the system’s refusals are not audited', async () => {
    const bad = { tokenId: 't', reason: 'whim' } as unknown as { tokenId: string; reason: 'admin' };
    await expect(commands.execute(suspendToken, bad, { actor: 'system' })).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'reason',
    });
    expect(await code(commands.execute(suspendToken, { tokenId: 't', reason: 'admin' }, { actor: 'system' }))).toBe('not_found');
    expect(await controlEvents()).toEqual([]);
    await code(commands.execute(suspendToken, bad, admin));
    expect(await controlEvents()).toMatchObject([
      { actor: 'admin', data: { code: 'invalid_request', param: 'reason', target: 'token/t' } },
    ]);
  });

  test('no secret is anywhere but in the vault, and there it is sealed or hashed', async () => {
    const { id: userId } = await commands.execute(
      createUser,
      { username: 'Ada', email: 'ada@example.com', password: 'PLAINTEXT-PASSWORD' },
      admin,
    );
    const issued = await commands.execute(issueKey, { userId, name: 'laptop' }, { actor: `user/${userId}` });
    const { id: tokenId } = await commands.execute(donateToken, gift, admin);
    const bytes = await stored(db);
    expect(bytes).toContain(userId);
    for (const secret of ['PLAINTEXT-REFRESH-TOKEN', 'PLAINTEXT-PASSWORD', issued.key]) expect(bytes.includes(secret)).toBe(false);
    expect(await passwords.verify('PLAINTEXT-PASSWORD', await readPasswordHash(db, userId))).toBe(true);
    expect(await db.query(sql`select key_id, hash from vault_keys`)).toEqual([{ key_id: issued.id, hash: hashKey(issued.key) }]);
    expect(await readCredential(db, vault, tokenId)).toEqual({ authType: 'social', secret: credential.secret, access: null, version: 1 });
    const hash = (await readPasswordHash(db, userId)) ?? '';
    const outside = JSON.stringify([
      await controlEvents(),
      await db.query(sql`select * from audit`),
      await db.query(sql`select * from tokens`),
    ]);
    for (const secret of [hash, hashKey(issued.key), credential.fingerprint, 'PLAINTEXT']) expect(outside).not.toContain(secret);
  });

  test('what ends takes its secret along', async () => {
    const { id: userId } = await commands.execute(createUser, { username: 'Ada' }, admin);
    const { id: keyId } = await commands.execute(issueKey, { userId, name: 'laptop' }, admin);
    await commands.execute(revokeKey, { keyId }, admin);
    const { id: tokenId } = await commands.execute(donateToken, gift, admin);
    expect(await code(commands.execute(donateToken, gift, admin))).toBe('conflict');
    await commands.execute(removeToken, { tokenId }, admin);
    expect(await db.query(sql`select 1 from vault_keys union all select 1 from vault_credentials`)).toEqual([]);
    expect(await readCredential(db, vault, tokenId)).toBeUndefined();
    expect(await code(commands.execute(donateToken, gift, admin))).toBe('accepted');
  });

  test('a sign-in upgrades an old hash and is refused to the banned', async () => {
    const { id: userId } = await commands.execute(createUser, { username: 'Ada', email: 'a@example.com', password: 'long enough' }, admin);
    const before = await readPasswordHash(db, userId);
    await commands.execute(recordUserSignIn, { userId, method: 'password', rehash: 'long enough' }, { actor: 'system' });
    const after = await readPasswordHash(db, userId);
    expect(after).not.toBe(before);
    expect(await passwords.verify('long enough', after)).toBe(true);
    expect(await commands.execute(banUsers, { ids: [userId, 'unknown'] }, admin)).toEqual({ changed: 1 });
    expect(await code(commands.execute(recordUserSignIn, { userId, method: 'password' }, { actor: 'system' }))).toBe('user_banned');
  });

  test('a failure after the events were written leaves no event, no row and no secret', async () => {
    const torn = defineCommand({
      name: 'test.torn',
      summary: 'Fails at its last step.',
      input: z.strictObject({}),
      load: async () => null,
      decide: () => ({
        events: [decided('kirogate.user.registered', 'user/torn', { username: 'T', email: null, status: 'active', via: 'admin' })],
        result: {},
      }),
      async secrets(tx: Queryable) {
        await tx.query(sql`insert into vault_passwords (user_id, hash) values ('torn', 'x')`);
        throw new Error('power cut');
      },
    });
    await expect(commands.execute(torn, {}, admin)).rejects.toThrow('power cut');
    expect(await controlEvents()).toEqual([]);
    expect((await partitionHeads(db)).get(CONTROL_PARTITION)?.position).toBe(0);
    expect(await db.query(sql`select id from users union all select user_id from vault_passwords`)).toEqual([]);
    expect(followed).toEqual([]);
  });

  test('a store out of reach is a 503, not a refusal', async () => {
    const reject = () => Promise.reject(new DatabaseError('unavailable', 'connection lost'));
    const lost: Database = { engine: 'sqlite', query: reject, tx: reject, snapshot: reject, ping: reject, close: async () => undefined };
    await expect(over(lost).execute(banIp, { ip: '10.0.0.1' }, admin)).rejects.toMatchObject({
      code: 'storage_unavailable',
      retryAfterSeconds: 2,
    });
  });

  test('a directory that cannot follow does not undo what is durable', async () => {
    const deaf = createCommands({
      db,
      directory: () => ({ catchUp: () => Promise.reject(new Error('lost')) }),
      clock: systemClock,
      ids: createIds(systemClock),
      nodeId: 'n1',
      vault,
      passwords,
      logger: pino({ level: 'silent' }),
      defaults: defaultSettings,
    });
    expect(await code(deaf.execute(banIp, { ip: '10.0.0.1' }, admin))).toBe('accepted');
    expect(await controlEvents()).toHaveLength(1);
  });
});
