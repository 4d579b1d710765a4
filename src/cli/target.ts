/** The installation that a verb writes to: brought to this build's schema, and taken away again where it was made in vain. */
import { existsSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { noteEncryptionKey } from '../app/fingerprints.js';
import { migrationsDir } from '../app/package.js';
import { countByKey } from '../commands/token/reseal.js';
import { type Config, databaseUrlOf, loadConfig } from '../config.js';
import { migrate } from '../infra/database/migrate.js';
import type { Database } from '../infra/database/port.js';
import { openSqlite } from '../infra/database/sqlite.js';
import { loadSecrets } from '../infra/secrets.js';
import { createVault, type Vault } from '../infra/vault.js';
import { systemClock } from '../shared/clock.js';
import { withNewDatabase } from './store.js';

export interface Target {
  readonly db: Database;
  readonly config: Config;
  /** Without a password. */
  readonly where: string;
}

/** Runs `work` on the database of the environment, made where there is none yet. Of a target that was made here, a failure leaves nothing. */
export async function withTarget<T>(work: (target: Target) => Promise<T>): Promise<T> {
  const undo = databaseUrlOf(process.env).startsWith('postgres') ? async () => undefined : undoOf(loadConfig(process.env));
  try {
    return await withNewDatabase(async (db, config, where) => {
      await bringUp(db, config);
      return work({ db, config, where });
    });
  } catch (error) {
    await undo();
    throw error;
  }
}

/** An empty installation in memory, for a trial run where there is none yet; null: there is one. */
export async function openTrialTarget(): Promise<{ db: Database; config: Config } | null> {
  if (databaseUrlOf(process.env).startsWith('postgres')) return null;
  const config = loadConfig(process.env);
  if (existsSync(config.sqlitePath)) return null;
  const db = await openSqlite({ path: ':memory:' });
  await bringUp(db, config);
  return { db, config };
}

async function bringUp(db: Database, config: Config): Promise<void> {
  const logger = pino({ level: 'silent' });
  await migrate(db, { dir: migrationsDir, eventPartitions: config.EVENT_PARTITIONS, clock: systemClock, logger });
}

function undoOf({ sqlitePath, DATA_DIR }: Config): () => Promise<void> {
  const made = [sqlitePath, `${sqlitePath}-wal`, `${sqlitePath}-shm`].filter(() => !existsSync(sqlitePath));
  for (const name of ['secrets.json', 'node.lock', 'node.lock-wal', 'node.lock-shm']) {
    const path = join(DATA_DIR, name);
    if (!existsSync(path)) made.push(path);
  }
  const folderIsNew = !existsSync(DATA_DIR);
  return async () => {
    for (const path of made) await rm(path, { force: true });
    if (folderIsNew) await rmdir(DATA_DIR).catch(() => undefined);
  };
}

/**
 * What credentials are to be sealed with, as the nodes of the installation have it; a single node's is made where there is none
 * yet. Throws where it is not the installation's: what it seals no node could open.
 */
export async function sealingVault({ db, config }: Target): Promise<{ readonly vault: Vault; readonly key: string }> {
  if (db.engine === 'sqlite') {
    const { ADMIN_PASSWORD, ADMIN_SECRET_KEY, USER_SESSION_SECRET, TOKEN_ENCRYPT_KEY } = config;
    const given = {
      adminPassword: ADMIN_PASSWORD,
      adminSecretKey: ADMIN_SECRET_KEY,
      userSessionSecret: USER_SESSION_SECRET,
      tokenEncryptKey: TOKEN_ENCRYPT_KEY,
    };
    const { secrets, generatedPassword } = await loadSecrets(config.DATA_DIR, given);
    if (generatedPassword !== null) process.stderr.write(`\nAdmin password, generated and shown this once: ${generatedPassword}\n\n`);
    const vault = createVault({ key: secrets.tokenEncryptKey, previous: config.TOKEN_ENCRYPT_KEY_PREVIOUS });
    return mustFit(db, vault, secrets.tokenEncryptKey);
  }
  if (config.TOKEN_ENCRYPT_KEY === '') throw new Error('TOKEN_ENCRYPT_KEY is missing: give this command the one that the nodes have');
  const key = config.TOKEN_ENCRYPT_KEY;
  const vault = createVault({ key, previous: config.TOKEN_ENCRYPT_KEY_PREVIOUS });
  await mustFit(db, vault, key);
  if (!(await noteEncryptionKey(db, key, config.TOKEN_ENCRYPT_KEY_PREVIOUS))) throw new Error(OTHER_KEY);
  return { vault, key };
}

const OTHER_KEY = 'TOKEN_ENCRYPT_KEY is not that of this installation: give this command the one that the nodes have';

async function mustFit(db: Database, vault: Vault, key: string): Promise<{ vault: Vault; key: string }> {
  const keyIds = [...(await countByKey(db)).keys()];
  if (keyIds.length > 0 && !keyIds.some((keyId) => vault.keyIds.includes(keyId))) throw new Error(OTHER_KEY);
  return { vault, key };
}
