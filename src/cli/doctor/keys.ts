/** The doctor's look at keys: what stored credentials are under, and whether the secrets are those that the nodes noted. */
import { judgeSecrets, type Verdict } from '../../app/fingerprints.js';
import type { Config } from '../../config.js';
import type { Queryable } from '../../infra/database/port.js';
import { storedSecrets } from '../../infra/secrets.js';
import { createVault } from '../../infra/vault.js';
import { keyCounts } from '../keys.js';
import { type Finding, fault, ok, warning } from './finding.js';

/** Says nothing where there is no key yet. */
export async function examineKeys(db: Queryable, config: Config): Promise<Finding[]> {
  const key = config.TOKEN_ENCRYPT_KEY || (await storedSecrets(config.DATA_DIR))?.tokenEncryptKey;
  if (!key) return [];
  const { TOKEN_ENCRYPT_KEY_PREVIOUS } = config;
  const counts = await keyCounts(db, createVault({ key, previous: TOKEN_ENCRYPT_KEY_PREVIOUS }));
  // A node on its own shares its sessions' secrets with nobody.
  const secrets = config.mode === 'distributed' ? config : { TOKEN_ENCRYPT_KEY: key, TOKEN_ENCRYPT_KEY_PREVIOUS };
  return [encryption(counts), ...[...(await judgeSecrets(db, secrets))].map(([name, verdict]) => shared(name, verdict))];
}

function encryption(counts: Awaited<ReturnType<typeof keyCounts>>): Finding {
  const of = (key: string): number => counts.filter((one) => one.key === key).reduce((sum, one) => sum + one.credentials, 0);
  const lost = of('unknown');
  const former = of('previous');
  if (lost > 0) {
    const fix = 'set TOKEN_ENCRYPT_KEY_PREVIOUS to the key that was in use before, then run `kirogate keys rotate`';
    return fault('encryption', `${lost} credentials do not open with the keys given here`, fix);
  }
  if (former === 0) return ok('encryption', `${of('current')} credentials under the current key`);
  return warning('encryption', `${former} credentials are still under the former key`, 'run `kirogate keys rotate`');
}

function shared(name: string, verdict: Verdict): Finding {
  switch (verdict) {
    case 'same':
      return ok(name, 'is the one that was noted at the last start');
    case 'rotated':
      return ok(name, 'is new, and the former one stands beside it; the next start of a node notes it');
    case 'behind':
      return warning(name, 'is the one before the last rotation', `give the new one, and this one as ${name}_PREVIOUS`);
    case 'different':
      return fault(name, 'is not the one that this database was used with', `give the same as before, or set ${name}_PREVIOUS to that`);
  }
}
