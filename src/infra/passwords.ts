/** Password hashes: scrypt for new ones, the older PBKDF2 form still verified, one calculation at a time. */
import { pbkdf2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AppError } from '../errors.js';

export interface Passwords {
  /** `scrypt$<N>$<r>$<p>$<salt>$<hash>`, salt and hash in URL-safe base64. About 100 ms of one core. */
  hash(password: string): Promise<string>;
  /** Takes as long for null (no such account, no password set) and for an unreadable record, and answers false. */
  verify(password: string, encoded: string | null): Promise<boolean>;
  /** Is the record of an older kind or cost than `hash` makes? */
  needsRehash(encoded: string): boolean;
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** One of the equal choices of the OWASP password storage page; this one needs 16 MiB a calculation. */
const CURRENT: Cost = { N: 2 ** 14, r: 8, p: 5 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Records ask for work when they are verified; none may ask for more than this. */
const MAX_SCRYPT_WORK = 2 ** 22;
const MAX_PBKDF2_ITERATIONS = 2_000_000;

const scryptAsync = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);
const pbkdf2Async = promisify(pbkdf2);

type Parsed =
  | { readonly kind: 'scrypt'; readonly cost: Cost; readonly salt: Buffer; readonly hash: Buffer }
  | { readonly kind: 'pbkdf2'; readonly iterations: number; readonly salts: readonly Buffer[]; readonly hash: Buffer };

/**
 * `maxQueued` calculations may wait (100 by default); more are refused with `too_many_attempts`.
 * One runs at a time: they use the thread pool that database and file calls need as well.
 */
export function createPasswords(options: { readonly maxQueued?: number; readonly cost?: Cost } = {}): Passwords {
  const cost = options.cost ?? CURRENT;
  const inTurn = oneAtATime(options.maxQueued ?? 100);
  const decoy: Parsed = { kind: 'scrypt', cost, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };

  return {
    hash: (password) =>
      inTurn(async () => {
        const salt = randomBytes(SALT_BYTES);
        const hash = await scryptOf(password, salt, cost, HASH_BYTES);
        return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join('$');
      }),
    verify: (password, encoded) =>
      inTurn(async () => {
        const parsed = encoded === null ? null : parse(encoded);
        const matches = await matchesRecord(password, parsed ?? decoy);
        return parsed !== null && matches;
      }),
    needsRehash(encoded) {
      const parsed = parse(encoded);
      if (parsed?.kind !== 'scrypt') return true;
      return parsed.cost.N !== cost.N || parsed.cost.r !== cost.r || parsed.cost.p !== cost.p;
    },
  };
}

async function matchesRecord(password: string, record: Parsed): Promise<boolean> {
  if (record.kind === 'scrypt') {
    return timingSafeEqual(await scryptOf(password, record.salt, record.cost, record.hash.length), record.hash);
  }
  let matches = false;
  for (const salt of record.salts) {
    const hash = await pbkdf2Async(password, salt, record.iterations, record.hash.length, 'sha256');
    matches = timingSafeEqual(hash, record.hash) || matches;
  }
  return matches;
}

function scryptOf(password: string, salt: Buffer, { N, r, p }: Cost, bytes: number): Promise<Buffer> {
  return scryptAsync(password, salt, bytes, { N, r, p, maxmem: 256 * N * r + 1024 * r * p });
}

/** Could any password open it? A malformed record, or one that asks for more work than any of ours, never opens. */
export function isPasswordRecord(encoded: string): boolean {
  return parse(encoded) !== null;
}

/** The record's parts, or null when it is malformed or asks for more work than any of ours does. */
function parse(encoded: string): Parsed | null {
  const parts = encoded.split('$');
  if (parts[0] === 'scrypt' && parts.length === 6) {
    const cost = { N: Number(parts[1]), r: Number(parts[2]), p: Number(parts[3]) };
    const salt = Buffer.from(parts[4] ?? '', 'base64url');
    const hash = Buffer.from(parts[5] ?? '', 'base64url');
    const sound = isCount(cost.N) && isCount(cost.r) && isCount(cost.p) && cost.N > 1 && (cost.N & (cost.N - 1)) === 0;
    if (!sound || cost.N * cost.r * cost.p > MAX_SCRYPT_WORK || hash.length < 16) return null;
    return { kind: 'scrypt', cost, salt, hash };
  }
  if (parts[0] === 'pbkdf2_sha256' && parts.length === 4) {
    const iterations = Number(parts[1]);
    const salt = parts[2] ?? '';
    const hash = Buffer.from(parts[3] ?? '', 'base64url');
    if (!isCount(iterations) || iterations > MAX_PBKDF2_ITERATIONS || hash.length !== 32) return null;
    // The old releases wrote the salt as base64 of its bytes; imports from elsewhere use the text itself.
    return { kind: 'pbkdf2', iterations, salts: [Buffer.from(salt, 'base64url'), Buffer.from(salt, 'utf8')], hash };
  }
  return null;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}

function oneAtATime(maxQueued: number): <T>(work: () => Promise<T>) => Promise<T> {
  let tail: Promise<unknown> = Promise.resolve();
  let queued = 0;
  return (work) => {
    if (queued > maxQueued) return Promise.reject(new AppError('too_many_attempts', { retryAfterSeconds: 5 }));
    queued += 1;
    const run = tail.then(work).finally(() => {
      queued -= 1;
    });
    tail = run.catch(() => undefined);
    return run;
  };
}
