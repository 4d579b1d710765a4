import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../config.js';
import { sql } from '../infra/database/port.js';
import { engines, openTestDatabase, type TestDatabase } from '../infra/database/testing/engines.js';
import { checkFingerprints, type SharedSecrets } from './fingerprints.js';

const secrets = (over: Partial<SharedSecrets> = {}): SharedSecrets => ({
  ADMIN_SECRET_KEY: 'admin-secret-of-all',
  ADMIN_SECRET_KEY_PREVIOUS: '',
  USER_SESSION_SECRET: 'session-secret-of-all',
  USER_SESSION_SECRET_PREVIOUS: '',
  TOKEN_ENCRYPT_KEY: 'encrypt-key-A-of-all',
  TOKEN_ENCRYPT_KEY_PREVIOUS: '',
  ...over,
});
const A = 'encrypt-key-A-of-all';
const B = 'encrypt-key-B-of-all';
const C = 'encrypt-key-C-of-all';

describe.each(engines)('secrets of the nodes on %s', (engine) => {
  let store: TestDatabase;
  let lines: { level: string; variable: string }[];
  beforeEach(async () => {
    store = await openTestDatabase(engine);
    lines = [];
  });
  afterEach(() => store.end());

  const start = async (over: Partial<SharedSecrets> = {}): Promise<void> => {
    const logger = pino({ formatters: { level: (level) => ({ level }) } }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    await checkFingerprints({ db: store.db, secrets: secrets(over), logger, cost: 16 });
  };
  const faults = async (over: Partial<SharedSecrets>): Promise<readonly string[]> => {
    const error = await start(over).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).faults;
  };

  it('are kept by the first start and asked of every other, each fault named, and none told', async () => {
    await start();
    await start();
    const told = await faults({ ADMIN_SECRET_KEY: 'something-else-entirely', TOKEN_ENCRYPT_KEY: B });
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/^ADMIN_SECRET_KEY differs/);
    expect(told[1]).toMatch(/^TOKEN_ENCRYPT_KEY differs/);
    expect(told.join()).not.toMatch(/something-else|encrypt-key/);
    expect(lines).toEqual([]);
  });

  it('are not in the database, and two installations with the same secrets do not look alike', async () => {
    await start();
    const rows = await store.db.query<{ fingerprint: string }>(sql`select * from vault_fingerprints`);
    expect(JSON.stringify(rows)).not.toMatch(/of-all/);
    await store.db.query(sql`delete from vault_fingerprints`);
    await start();
    const again = await store.db.query<{ fingerprint: string }>(sql`select * from vault_fingerprints`);
    expect(rows.map((row) => row.fingerprint)).not.toEqual(again.map((row) => row.fingerprint));
  });

  it('are agreed on when all nodes start at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => start(i % 2 === 0 ? {} : { TOKEN_ENCRYPT_KEY: B })));
    // Whoever came first decided, for all of them.
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
  });

  it('may be rotated node by node', async () => {
    await start();
    await start({ TOKEN_ENCRYPT_KEY: B, TOKEN_ENCRYPT_KEY_PREVIOUS: A });
    expect(lines).toMatchObject([{ level: 'info', variable: 'TOKEN_ENCRYPT_KEY' }]);
    await start({ TOKEN_ENCRYPT_KEY: B, TOKEN_ENCRYPT_KEY_PREVIOUS: A });
    await start({ TOKEN_ENCRYPT_KEY: B });
    expect(lines).toHaveLength(1);
    // A node that crashes before its turn comes up with the old one.
    await start();
    expect(lines.at(-1)).toMatchObject({ level: 'warn', variable: 'TOKEN_ENCRYPT_KEY' });
    await start({ TOKEN_ENCRYPT_KEY: B, TOKEN_ENCRYPT_KEY_PREVIOUS: A });
    await start({ TOKEN_ENCRYPT_KEY: C, TOKEN_ENCRYPT_KEY_PREVIOUS: B });
    expect(await faults({ TOKEN_ENCRYPT_KEY: A })).toHaveLength(1);
  });

  it('that differ in one keep a rotation of another from beginning', async () => {
    await start();
    const rotated = { ADMIN_SECRET_KEY: 'admin-secret-that-is-new', ADMIN_SECRET_KEY_PREVIOUS: 'admin-secret-of-all' };
    expect(await faults({ ...rotated, TOKEN_ENCRYPT_KEY: C })).toHaveLength(1);
    await start();
    expect(lines).toEqual([]);
  });

  it('may be rotated back', async () => {
    await start();
    await start({ TOKEN_ENCRYPT_KEY: B, TOKEN_ENCRYPT_KEY_PREVIOUS: A });
    await start({ TOKEN_ENCRYPT_KEY: A, TOKEN_ENCRYPT_KEY_PREVIOUS: B });
    await start({ TOKEN_ENCRYPT_KEY: A });
    expect(lines.every(({ level }) => level === 'info')).toBe(true);
  });

  it('rotated to two different ones at once leave one in force', async () => {
    await start();
    const rotate = (to: string): Promise<void> => start({ TOKEN_ENCRYPT_KEY: to, TOKEN_ENCRYPT_KEY_PREVIOUS: A });
    const outcomes = await Promise.allSettled([rotate(B), rotate(C), rotate(B), rotate(C)]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  });

  it('do not match a record that is damaged', async () => {
    await start();
    await store.db.query(sql`update vault_fingerprints set fingerprint = 'v1..' where name = 'TOKEN_ENCRYPT_KEY'`);
    expect(await faults({})).toHaveLength(1);
  });
});
