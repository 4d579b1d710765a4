/** `kirogate keys status|rotate`: which encryption key stored credentials are under, and moves them to the current one. */
import type { Command } from 'commander';
import { isNewestEncryptionKey } from '../app/fingerprints.js';
import { DEAD_AFTER_MS, readRoll } from '../cluster/nodeRun.js';
import { countByKey, type Resealed, resealCredentials } from '../commands/token/reseal.js';
import type { Config } from '../config.js';
import type { Database, Queryable } from '../infra/database/port.js';
import { storedSecrets } from '../infra/secrets.js';
import type { Vault } from '../infra/vault.js';
import { progressBar } from './progressBar.js';
import { printJson, printTable, withDatabase } from './store.js';
import { vaultIfAny } from './vaultIfAny.js';

export function addKeys(program: Command): void {
  const group = program.command('keys').description('the encryption of stored credentials');
  group
    .command('status')
    .description('which key the stored credentials are under, and which key each node uses')
    .option('--json', 'print as JSON')
    .action((options: { json?: true }) => withDatabase((db, config) => status(db, config, options.json === true)));
  group
    .command('rotate')
    .description('move all stored credentials to TOKEN_ENCRYPT_KEY, while nodes serve; safe to run again at any time')
    .option('--json', 'print as JSON')
    .action((options: { json?: true }) => withDatabase((db, config) => rotate(db, config, options.json === true)));
}

export interface KeyCount {
  readonly keyId: string;
  readonly credentials: number;
  /** `unknown`: sealed with a key that this environment does not give. */
  readonly key: 'current' | 'previous' | 'unknown';
}

/** How many credentials are under which key. */
export async function keyCounts(db: Queryable, vault: Pick<Vault, 'keyId' | 'keyIds'>): Promise<readonly KeyCount[]> {
  return [...(await countByKey(db))].map(([keyId, credentials]) => ({
    keyId: keyId || 'damaged',
    credentials,
    key: keyId === vault.keyId ? 'current' : vault.keyIds.includes(keyId) ? 'previous' : 'unknown',
  }));
}

/** The vault as a node with this environment has it. Throws where the environment and the data folder give no key. */
export async function vaultOf(config: Config): Promise<{ readonly vault: Vault; readonly key: string }> {
  const vault = await vaultIfAny(config);
  const key = config.TOKEN_ENCRYPT_KEY || (await storedSecrets(config.DATA_DIR))?.tokenEncryptKey;
  if (vault === null || !key)
    throw new Error(`there is no TOKEN_ENCRYPT_KEY, and none was generated in ${config.DATA_DIR}; give this command what the nodes have`);
  return { vault, key };
}

interface NodeKey {
  readonly nodeId: string;
  /** null: an older KiroGate, which does not say. */
  readonly keyId: string | null;
}

/** What each living node of a cluster seals with; a node on its own is not listed. */
async function nodeKeys(db: Queryable): Promise<readonly NodeKey[]> {
  const { runs } = await readRoll(db);
  return runs
    .filter(({ seenAgoMs }) => seenAgoMs < DEAD_AFTER_MS)
    .map(({ nodeId, settings }) => {
      const { encrypt_key_id: keyId } = JSON.parse(settings) as { encrypt_key_id?: unknown };
      return { nodeId, keyId: typeof keyId === 'string' ? keyId : null };
    });
}

async function status(db: Database, config: Config, json: boolean): Promise<void> {
  const { vault } = await vaultOf(config);
  const [credentials, nodes] = await Promise.all([keyCounts(db, vault), nodeKeys(db)]);
  if (json) return printJson({ current: vault.keyId, previous: vault.keyIds[1] ?? null, credentials, nodes });
  printTable(
    ['key', 'credentials', 'is'],
    credentials.map((one) => [one.keyId, one.credentials, one.key]),
  );
  if (nodes.length === 0) return;
  process.stdout.write('\n');
  printTable(
    ['node', 'seals with'],
    nodes.map((one) => [one.nodeId, one.keyId ?? 'does not say']),
  );
}

async function rotate(db: Database, config: Config, json: boolean): Promise<void> {
  const { vault, key } = await vaultOf(config);
  await mustBeKnown(db, vault, key);
  const bar = progressBar('keys');
  const result = await resealCredentials({ db, vault, ...(bar && { onProgress: ({ done, total }) => bar(done, total, 'credentials') }) });
  if (result.remaining > 0) process.exitCode = 1;
  if (json) return printJson({ keyId: vault.keyId, ...result });
  tell(vault, result);
}

/** Moves nothing that a node could then not read. Throws with what to do first. */
async function mustBeKnown(db: Database, vault: Vault, key: string): Promise<void> {
  const behind = (await nodeKeys(db)).filter(({ keyId }) => keyId !== vault.keyId).map(({ nodeId }) => nodeId);
  if (behind.length > 0) {
    throw new Error(
      `these nodes use another TOKEN_ENCRYPT_KEY: ${behind.join(', ')}. Restart them with this one, and theirs as TOKEN_ENCRYPT_KEY_PREVIOUS, first`,
    );
  }
  if (!(await isNewestEncryptionKey(db, key))) {
    throw new Error(
      'no node has started with this TOKEN_ENCRYPT_KEY yet; start the node with it, and the former one as TOKEN_ENCRYPT_KEY_PREVIOUS, first',
    );
  }
}

function tell(vault: Vault, { resealed, unreadable, remaining }: Resealed): void {
  const out = (text: string): void => void process.stdout.write(`${text}\n`);
  out(`${resealed} credentials moved to key ${vault.keyId}`);
  for (const { tokenId, part, reason } of unreadable) {
    const why = reason === 'unknown_key' ? 'sealed with a key that is not given here' : 'damaged';
    out(`kept as it is: the ${part === 'secret' ? 'secret' : 'access token'} of ${tokenId}, ${why}`);
  }
  if (remaining === 0) out('nothing is left under another key: TOKEN_ENCRYPT_KEY_PREVIOUS may go, node by node');
  else out(`${remaining} are left under another key: keep TOKEN_ENCRYPT_KEY_PREVIOUS until these are repaired or removed`);
}
