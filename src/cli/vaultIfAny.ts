/** The encryption keys of the environment and the data folder, where there are any. */
import type { Config } from '../config.js';
import { storedSecrets } from '../infra/secrets.js';
import { createVault, type Vault } from '../infra/vault.js';

export async function vaultIfAny(config: Config): Promise<Vault | null> {
  const key = config.TOKEN_ENCRYPT_KEY || (await storedSecrets(config.DATA_DIR))?.tokenEncryptKey;
  return key ? createVault({ key, previous: config.TOKEN_ENCRYPT_KEY_PREVIOUS }) : null;
}
