/** A node on its own starts only with the key that its database is sealed with, as the nodes of a cluster do. */
import type { Logger } from 'pino';
import { countByKey } from '../commands/token/reseal.js';
import { ConfigError } from '../config.js';
import type { Database } from '../infra/database/port.js';
import type { Vault } from '../infra/vault.js';
import { judgeSecrets, noteEncryptionKey } from './fingerprints.js';

export interface EncryptionKeyDeps {
  readonly db: Database;
  readonly vault: Vault;
  readonly key: string;
  /** Empty: none. */
  readonly previous: string;
  readonly logger: Logger;
  /** For tests: work for one guess, a power of two. */
  readonly cost?: number;
}

/**
 * Throws ConfigError, and changes nothing, where the database knows another key or the keys at hand open none of its credentials,
 * which also tells where nobody noted the key, as after an import. Else notes the key, for `kirogate keys rotate`.
 */
export async function checkEncryptionKey({ db, vault, key, previous, logger, cost }: EncryptionKeyDeps): Promise<void> {
  // What is no record names no key.
  const sealedWith = [...(await countByKey(db)).keys()].filter((keyId) => keyId !== '');
  const opensNone = sealedWith.length > 0 && !sealedWith.some((keyId) => vault.keyIds.includes(keyId));
  const verdicts = await judgeSecrets(db, { TOKEN_ENCRYPT_KEY: key, TOKEN_ENCRYPT_KEY_PREVIOUS: previous });
  const verdict = verdicts.get('TOKEN_ENCRYPT_KEY');
  if (opensNone || verdict === 'different') throw new ConfigError([FAULT]);
  if (verdict === 'behind') logger.warn(BEHIND);
  await noteEncryptionKey(db, key, previous, cost);
}

const FAULT =
  'TOKEN_ENCRYPT_KEY is not the key of this database, whose stored tokens would stay shut; give the node that one again (where none was set, it is tokenEncryptKey in DATA_DIR/secrets.json), or set TOKEN_ENCRYPT_KEY_PREVIOUS to it while you rotate it';
const BEHIND =
  'TOKEN_ENCRYPT_KEY is the one before the last rotation: what was sealed since stays shut; give the node the new one, and this one as TOKEN_ENCRYPT_KEY_PREVIOUS';
