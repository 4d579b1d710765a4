/** What credentials that come in are to be sealed with: the key of the installation's nodes, and no other. */
import { judgeSecrets, noteEncryptionKey } from '../app/fingerprints.js';
import { countByKey } from '../commands/token/reseal.js';
import type { Config } from '../config.js';
import type { Queryable } from '../infra/database/port.js';
import { loadSecrets, storedSecrets } from '../infra/secrets.js';
import { createVault, type Vault } from '../infra/vault.js';
import type { Target, TrialTarget } from './target.js';

export interface Sealing {
  readonly vault: Vault;
  /** Empty: there is none yet. */
  readonly key: string;
  /** Made here, to be shown once, when everything has been written; null: there was one. */
  readonly generatedPassword: string | null;
  /** Tells the installation its key, where it knows none yet: in the transaction of what was sealed with it. */
  note(tx: Queryable): Promise<void>;
}

/** A single node's key is made where there is none yet. Throws where the key is not the installation's: what it seals no node could open. */
export async function sealingOf({ db, config }: Target): Promise<Sealing> {
  if (db.engine === 'sqlite') {
    // Before a key is made, and left behind, that no node here has.
    await localVault(db, config);
    const { secrets, generatedPassword } = await loadSecrets(config.DATA_DIR, {
      adminPassword: config.ADMIN_PASSWORD,
      adminSecretKey: config.ADMIN_SECRET_KEY,
      userSessionSecret: config.USER_SESSION_SECRET,
      tokenEncryptKey: config.TOKEN_ENCRYPT_KEY,
    });
    const key = secrets.tokenEncryptKey;
    const vault = createVault({ key, previous: config.TOKEN_ENCRYPT_KEY_PREVIOUS });
    // The node on its own notes it when it starts.
    return { vault, key, generatedPassword, note: async () => undefined };
  }
  const key = givenKey(config);
  const vault = await sharedVault(db, config);
  const note = async (tx: Queryable): Promise<void> => {
    if (!(await noteEncryptionKey(tx, key, config.TOKEN_ENCRYPT_KEY_PREVIOUS))) throw new Error(OTHER_KEY);
  };
  return { vault, key, generatedPassword: null, note };
}

/** For a run that writes nothing: refuses what the real one would, and makes no key. */
export async function trialSealing({ db, config, engine }: TrialTarget): Promise<Sealing> {
  const none = { generatedPassword: null, note: async () => undefined };
  if (engine === 'postgres') return { ...none, vault: await sharedVault(db, config), key: givenKey(config) };
  return { ...none, ...(await localVault(db, config)) };
}

const OTHER_KEY =
  'TOKEN_ENCRYPT_KEY is not that of this installation: give this command the one that the nodes have, as their environment or secrets.json has it';

function givenKey({ TOKEN_ENCRYPT_KEY }: Config): string {
  if (TOKEN_ENCRYPT_KEY === '') throw new Error('TOKEN_ENCRYPT_KEY is missing: give this command the one that the nodes have');
  return TOKEN_ENCRYPT_KEY;
}

/** By the key of the environment or the data folder, which makes none. */
async function localVault(db: Queryable, config: Config): Promise<{ readonly vault: Vault; readonly key: string }> {
  const key = config.TOKEN_ENCRYPT_KEY || ((await storedSecrets(config.DATA_DIR))?.tokenEncryptKey ?? '');
  const previous = key === '' ? '' : config.TOKEN_ENCRYPT_KEY_PREVIOUS;
  const vault = createVault({ key: key || 'nothing is sealed yet', previous });
  await mustBeTheirs(db, vault, key || 'no node has this key', previous);
  return { vault, key };
}

async function sharedVault(db: Queryable, config: Config): Promise<Vault> {
  const key = givenKey(config);
  const previous = config.TOKEN_ENCRYPT_KEY_PREVIOUS;
  const vault = createVault({ key, previous });
  await mustBeTheirs(db, vault, key, previous);
  return vault;
}

/** What the nodes noted decides too, also while nothing is sealed yet. */
async function mustBeTheirs(db: Queryable, vault: Vault, key: string, previous: string): Promise<void> {
  await mustFit(db, vault);
  const verdicts = await judgeSecrets(db, { TOKEN_ENCRYPT_KEY: key, TOKEN_ENCRYPT_KEY_PREVIOUS: previous });
  if (verdicts.get('TOKEN_ENCRYPT_KEY') === 'different') throw new Error(OTHER_KEY);
}

async function mustFit(db: Queryable, vault: Vault): Promise<void> {
  const keyIds = [...(await countByKey(db)).keys()];
  if (keyIds.length > 0 && !keyIds.some((keyId) => vault.keyIds.includes(keyId))) throw new Error(OTHER_KEY);
}
