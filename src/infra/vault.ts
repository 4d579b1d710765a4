/** Encryption of secrets at rest: AES-256-GCM, the key's id in the record, the record's id as associated data. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';

export interface Vault {
  /** Id of the key that `seal` uses; safe to show, the same for the same key text. */
  readonly keyId: string;
  /** Ids of all keys that `open` knows, the current one first. */
  readonly keyIds: readonly string[];
  /** Encrypts. `aad` is the id of the record: a sealed text moved to another record does not open. */
  seal(plaintext: string, aad: string): string;
  /** Encrypts with the key that another record was sealed with, where we have it: nodes without the new key go on reading it. */
  sealLike(sealed: string, plaintext: string, aad: string): string;
  /** Decrypts with the key the record names. Throws VaultError. */
  open(sealed: string, aad: string): string;
  /** Was it sealed with the previous key? Then it wants sealing again. Throws VaultError for what is no record. */
  isStale(sealed: string): boolean;
}

/** `unknown_key`: sealed with a key we were not given. `damaged`: not ours, altered, or of another record. */
export class VaultError extends Error {
  readonly reason: 'unknown_key' | 'damaged';

  constructor(reason: VaultError['reason'], message: string) {
    super(message);
    this.name = 'VaultError';
    this.reason = reason;
  }
}

const VERSION = 'v1';
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Fixed, since the same key text must give the same key on every node; scrypt makes guessing a weak text dear. */
const SALT = 'kirogate/vault/v1';

interface VaultKey {
  readonly id: string;
  readonly key: Buffer;
}

/**
 * `key` and `previous` are texts of any length (TOKEN_ENCRYPT_KEY and its predecessor). Deriving each costs
 * about 50 ms, once. A record is `v1.<key id>.<base64url of iv, ciphertext, tag>`.
 */
export function createVault(options: { readonly key: string; readonly previous?: string | undefined }): Vault {
  const current = deriveKey(options.key);
  const keys = new Map([[current.id, current]]);
  if (options.previous !== undefined && options.previous !== '') {
    const previous = deriveKey(options.previous);
    if (!keys.has(previous.id)) keys.set(previous.id, previous);
  }

  return {
    keyId: current.id,
    keyIds: [...keys.keys()],
    seal: (plaintext, aad) => encrypt(current, plaintext, aad),
    sealLike: (sealed, plaintext, aad) => encrypt(keys.get(keyIdOf(sealed) ?? '') ?? current, plaintext, aad),
    open(sealed, aad) {
      const { keyId, body } = parseRecord(sealed);
      const key = keys.get(keyId);
      if (key === undefined) {
        throw new VaultError('unknown_key', `sealed with key ${keyId}; set TOKEN_ENCRYPT_KEY_PREVIOUS to the key that was in use before`);
      }
      return decrypt(key, body, aad);
    },
    isStale: (sealed) => parseRecord(sealed).keyId !== current.id,
  };
}

/** Which key a record names, whether we have it or not; null for what is no record. */
export function keyIdOf(sealed: string): string | null {
  return /^v1\.([0-9a-f]{8})\./.exec(sealed)?.[1] ?? null;
}

function encrypt({ id, key }: VaultKey, plaintext: string, aad: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(associated(id, aad));
  const body = Buffer.concat([iv, cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return `${VERSION}.${id}.${body.toString('base64url')}`;
}

function decrypt({ id, key }: VaultKey, body: Buffer, aad: string): string {
  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(associated(id, aad)).setAuthTag(body.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(body.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    throw new VaultError('damaged', 'a sealed record was altered or belongs to another id');
  }
}

function parseRecord(sealed: string): { keyId: string; body: Buffer } {
  const [version, keyId, text, ...rest] = sealed.split('.');
  const body = Buffer.from(text ?? '', 'base64url');
  if (version !== VERSION || keyId === undefined || rest.length > 0 || body.length < IV_BYTES + TAG_BYTES) {
    throw new VaultError('damaged', 'not a sealed record');
  }
  return { keyId, body };
}

function associated(keyId: string, aad: string): Buffer {
  return Buffer.from(`${VERSION}.${keyId}.${aad}`, 'utf8');
}

function deriveKey(text: string): VaultKey {
  if (text === '') throw new Error('the encryption key is empty');
  const master = scryptSync(text, SALT, 32, { N: 2 ** 14, r: 8, p: 1 });
  const expand = (info: string, bytes: number) => Buffer.from(hkdfSync('sha256', master, SALT, info, bytes));
  return { id: expand('id', 4).toString('hex'), key: expand('key', 32) };
}

/** Compares two texts in a time that does not depend on where they differ, nor on their lengths. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(a), digest(b));
}
