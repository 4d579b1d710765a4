/** Reads Fernet tokens (AES-128-CBC with HMAC-SHA256), the form in which older releases kept secrets. Nothing is written in it. */
import { createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto';

const VERSION = 0x80;
/** Version, time of issue, initialisation vector. */
const HEAD_BYTES = 1 + 8 + 16;
const BLOCK_BYTES = 16;
const MAC_BYTES = 32;

export interface FernetKey {
  /** The clear text, or null when the token was not made with this key, or was altered. Never throws. */
  open(token: string): string | null;
}

/** The key that older releases derive from their TOKEN_ENCRYPT_KEY: its SHA-256, half for signing, half for encrypting. */
export function fernetKey(text: string): FernetKey {
  const key = createHash('sha256').update(text, 'utf8').digest();
  const [signing, encrypting] = [key.subarray(0, 16), key.subarray(16)];
  return {
    open(token) {
      const bytes = Buffer.from(token.trim(), 'base64url');
      const body = bytes.subarray(0, -MAC_BYTES);
      const cipherBytes = body.length - HEAD_BYTES;
      if (bytes[0] !== VERSION || cipherBytes < BLOCK_BYTES || cipherBytes % BLOCK_BYTES !== 0) return null;
      const mac = createHmac('sha256', signing).update(body).digest();
      if (!timingSafeEqual(mac, bytes.subarray(-MAC_BYTES))) return null;
      try {
        const decipher = createDecipheriv('aes-128-cbc', encrypting, body.subarray(9, HEAD_BYTES));
        return Buffer.concat([decipher.update(body.subarray(HEAD_BYTES)), decipher.final()]).toString('utf8');
      } catch {
        return null;
      }
    },
  };
}
