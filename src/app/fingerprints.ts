/** All nodes must share their secrets: each start compares its own with fingerprints in the database, never with the secrets. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import { type Config, ConfigError } from '../config.js';
import { type Database, type Queryable, sql } from '../infra/database/port.js';

const NAMES = ['ADMIN_SECRET_KEY', 'USER_SESSION_SECRET', 'TOKEN_ENCRYPT_KEY'] as const;
type SecretName = (typeof NAMES)[number];

export type SharedSecrets = Pick<Config, SecretName | `${SecretName}_PREVIOUS`>;

interface OwnSecret {
  readonly name: SecretName;
  readonly current: string;
  /** Empty: none. */
  readonly previous: string;
}

interface Stored {
  readonly fingerprint: string;
  readonly previous: string | null;
}

export type Verdict =
  /** As the cluster has it. */
  | 'same'
  /** The cluster still had this node's previous one: the rotation begins, or reached here first. */
  | 'rotated'
  /** This node still has what the cluster has rotated away from. */
  | 'behind'
  | 'different';

export interface FingerprintDeps {
  readonly db: Database;
  readonly secrets: SharedSecrets;
  readonly logger: Logger;
  /** For tests: work for one guess, a power of two. */
  readonly cost?: number;
}

/**
 * Lets a node go on whose secrets are the cluster's, also during a rotation: it brings the cluster's as `…_PREVIOUS`, or
 * has the one that the cluster rotated away from last. Otherwise throws ConfigError naming every variable that differs,
 * and changes nothing. Safe when many nodes start at once.
 */
export async function checkFingerprints({ db, secrets, logger, cost = COST }: FingerprintDeps): Promise<void> {
  const own = NAMES.map((name) => ({ name, current: secrets[name], previous: secrets[`${name}_PREVIOUS`] }));
  const refuse = (different: readonly OwnSecret[]): void => {
    if (different.length > 0) throw new ConfigError(different.map(({ name }) => faultOf(name)));
  };
  const verdicts = await Promise.all(own.map(async (secret) => judge(await read(db, secret.name), secret)));
  refuse(own.filter((_, index) => verdicts[index] === 'different'));
  for (const secret of own) {
    const { name } = secret;
    const verdict = await settle(db, secret, cost);
    if (verdict === 'different') refuse([secret]);
    if (verdict === 'rotated')
      logger.info({ variable: name }, 'the secret was rotated: nodes that start from now on must have the new one');
    if (verdict === 'behind') {
      logger.warn(
        { variable: name },
        `${name} is the one before the last rotation; give this node the new one, and this one as ${name}_PREVIOUS`,
      );
    }
  }
}

/**
 * Notes the encryption key of a node, so that `kirogate keys rotate` can tell that the node knows the new one. False:
 * the database knows another key, and what that one sealed will not open; the note stays.
 */
export async function noteEncryptionKey(db: Queryable, key: string, previous: string, cost: number = COST): Promise<boolean> {
  return (await settle(db, { name: 'TOKEN_ENCRYPT_KEY', current: key, previous }, cost)) !== 'different';
}

/** What a start with these secrets would find, by their names; a secret that nobody has noted yet is left out. Changes nothing. */
export async function judgeSecrets(db: Queryable, secrets: Partial<SharedSecrets>): Promise<ReadonlyMap<SecretName, Verdict>> {
  const verdicts = new Map<SecretName, Verdict>();
  for (const name of NAMES) {
    const current = secrets[name] ?? '';
    const stored = current === '' ? undefined : await read(db, name);
    if (stored !== undefined) verdicts.set(name, await judge(stored, { name, current, previous: secrets[`${name}_PREVIOUS`] ?? '' }));
  }
  return verdicts;
}

/** Has a node started with this encryption key, and is it the newest? */
export async function isNewestEncryptionKey(db: Queryable, key: string): Promise<boolean> {
  const stored = await read(db, 'TOKEN_ENCRYPT_KEY');
  return stored !== undefined && (await matches(stored.fingerprint, key));
}

const faultOf = (name: SecretName): string =>
  `${name} differs from that of the other nodes on this database; give all nodes the same, or set ${name}_PREVIOUS to theirs while you rotate it`;

/** Tries again when another start was faster: then what that one left decides. */
async function settle(db: Queryable, secret: OwnSecret, cost: number): Promise<Verdict> {
  for (;;) {
    const stored = await read(db, secret.name);
    const verdict = await judge(stored, secret);
    const isKnown = stored !== undefined && verdict !== 'rotated';
    if (isKnown || (await write(db, secret.name, stored, await fingerprintOf(secret.current, cost)))) return verdict;
  }
}

async function judge(stored: Stored | undefined, { current, previous }: OwnSecret): Promise<Verdict> {
  if (stored === undefined || (await matches(stored.fingerprint, current))) return 'same';
  if (previous !== '' && (await matches(stored.fingerprint, previous))) return 'rotated';
  if (stored.previous !== null && (await matches(stored.previous, current))) return 'behind';
  return 'different';
}

async function read(db: Queryable, name: SecretName): Promise<Stored | undefined> {
  const [row] = await db.query<Stored>(sql`select fingerprint, previous from vault_fingerprints where name = ${name}`);
  return row;
}

/** False: somebody else wrote meanwhile. */
async function write(db: Queryable, name: SecretName, stored: Stored | undefined, fingerprint: string): Promise<boolean> {
  const rows = await db.query(
    stored === undefined
      ? sql`insert into vault_fingerprints (name, fingerprint) values (${name}, ${fingerprint}) on conflict do nothing returning name`
      : sql`update vault_fingerprints set previous = fingerprint, fingerprint = ${fingerprint}
          where name = ${name} and fingerprint = ${stored.fingerprint} returning name`,
  );
  return rows.length > 0;
}

/** Whoever reads the table pays some 50 ms for each guess at a secret of 16 characters or more. */
const COST = 2 ** 14;
const MOST_COST = 2 ** 16;
const HASH_BYTES = 32;

function derive(secret: string, salt: Buffer, cost: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N: cost, r: 8, p: 1, maxmem: 128 * 1024 * 1024 };
    scrypt(secret, salt, HASH_BYTES, options, (error, hash) => (error === null ? resolve(hash) : reject(error)));
  });
}

/** `v1.<cost>.<salt>.<scrypt>` */
async function fingerprintOf(secret: string, cost: number): Promise<string> {
  const salt = randomBytes(16);
  return `v1.${cost}.${salt.toString('base64url')}.${(await derive(secret, salt, cost)).toString('base64url')}`;
}

async function matches(fingerprint: string, secret: string): Promise<boolean> {
  const [, cost = '', salt = '', hash = ''] = /^v1\.(\d{1,6})\.([\w-]{22})\.([\w-]{43})$/.exec(fingerprint) ?? [];
  if (Number(cost) < 2 || Number(cost) > MOST_COST) return false;
  return timingSafeEqual(await derive(secret, Buffer.from(salt, 'base64url'), Number(cost)), Buffer.from(hash, 'base64url'));
}
