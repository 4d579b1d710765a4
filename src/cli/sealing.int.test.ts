import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noteEncryptionKey } from '../app/fingerprints.js';
import { type Config, loadConfig } from '../config.js';
import { openTestDatabase, type TestDatabase } from '../infra/database/testing/engines.js';
import { loadSecrets } from '../infra/secrets.js';
import { sealingOf, trialSealing } from './sealing.js';

const NODES_KEY = 'the key that the node has in its environment';
const CHEAP = 2;

describe('an import into a single node', () => {
  let store: TestDatabase;
  let folder: string;
  const configOf = (over: Record<string, string> = {}): Config => loadConfig({ DATA_DIR: folder, ...over });
  const target = (config: Config) => ({ db: store.db, config, where: 'here', engine: 'sqlite' as const });

  beforeEach(async () => {
    store = await openTestDatabase('sqlite', { inMemory: true });
    folder = await mkdtemp(join(tmpdir(), 'kirogate-sealing-'));
  });
  afterEach(async () => {
    await store.end();
    await rm(folder, { recursive: true, force: true });
  });

  test('that holds nothing yet makes its key, and a trial makes none', async () => {
    expect((await trialSealing(target(configOf()))).key).toBe('');
    expect(await readdir(folder)).toEqual([]);
    expect((await sealingOf(target(configOf()))).generatedPassword).not.toBeNull();
  });

  test.each([
    ['without the key that its node has', async () => undefined],
    [
      'with a key of the data folder that its node does not use',
      async () => {
        await loadSecrets(folder, { adminPassword: '', adminSecretKey: '', userSessionSecret: '', tokenEncryptKey: NODES_KEY });
      },
    ],
  ])('is refused %s, also while nothing is sealed there, and leaves no secrets', async (_, prepare) => {
    await noteEncryptionKey(store.db, NODES_KEY, '', CHEAP);
    await prepare();
    const before = await readdir(folder);
    for (const sealing of [sealingOf, trialSealing])
      await expect(sealing(target(configOf()))).rejects.toThrow('TOKEN_ENCRYPT_KEY is not that of this installation');
    expect(await readdir(folder)).toEqual(before);
  });

  test('goes by the key of its node, and by the one before the last rotation', async () => {
    await noteEncryptionKey(store.db, NODES_KEY, '', CHEAP);
    expect((await sealingOf(target(configOf({ TOKEN_ENCRYPT_KEY: NODES_KEY })))).key).toBe(NODES_KEY);
    const rotated = { TOKEN_ENCRYPT_KEY: 'another key, of the rotation under way', TOKEN_ENCRYPT_KEY_PREVIOUS: NODES_KEY };
    expect((await sealingOf(target(configOf(rotated)))).key).toBe(rotated.TOKEN_ENCRYPT_KEY);
  });

  test('whose secrets cannot be read is refused', async () => {
    await writeFile(join(folder, 'secrets.json'), '{}');
    await expect(sealingOf(target(configOf()))).rejects.toThrow('secrets.json');
  });
});
