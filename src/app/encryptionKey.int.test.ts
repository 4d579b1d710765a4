/** A node on its own does not start with a key that opens nothing of what it has stored. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { insertCredential } from '../commands/token/credentials.js';
import { ConfigError } from '../config.js';
import { openTestDatabase, type TestDatabase } from '../infra/database/testing/engines.js';
import { createVault } from '../infra/vault.js';
import { checkEncryptionKey } from './encryptionKey.js';

const A = 'encrypt-key-A-of-this-node';
const B = 'encrypt-key-B-of-this-node';
const C = 'encrypt-key-C-of-this-node';

describe('the encryption key of a node on its own', () => {
  let store: TestDatabase;
  let lines: string[];
  beforeEach(async () => {
    store = await openTestDatabase('sqlite');
    lines = [];
  });
  afterEach(() => store.end());

  const start = (key: string, previous = ''): Promise<void> => {
    const logger = pino({}, { write: (line: string) => void lines.push(line) });
    return checkEncryptionKey({ db: store.db, vault: createVault({ key, previous }), key, previous, logger, cost: 16 });
  };
  const refused = async (key: string, previous = ''): Promise<void> => {
    const error = await start(key, previous).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).faults.join()).toMatch(/^TOKEN_ENCRYPT_KEY is not the key.*TOKEN_ENCRYPT_KEY_PREVIOUS/);
    expect((error as ConfigError).message).not.toContain(key);
  };
  const donate = async (tokenId: string, key: string): Promise<void> => {
    const secret = { refreshToken: 'r'.repeat(120) };
    await insertCredential(store.db, createVault({ key }), { tokenId, fingerprint: tokenId, authType: 'social', secret });
  };

  it('is the one that the first start had, also with nothing stored', async () => {
    await start(A);
    await start(A);
    await refused(B);
    await start(A);
    expect(lines).toEqual([]);
  });

  it('is refused where it opens none of the credentials of an import, which noted no key', async () => {
    await donate('t1', A);
    await refused(B);
    await start(A);
  });

  it('may be rotated, with the former one as the previous', async () => {
    await start(A);
    await donate('t1', A);
    await start(B, A);
    await refused(C, A.replace('A', 'X'));
    await refused(B);
    await donate('t2', B);
    await start(B);
    await start(A);
    expect(lines.join()).toContain('before the last rotation');
  });
});
