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

/** Could any password open it? A malformed record (other signs than its alphabet's count), or one that asks for more work than any of ours, never opens. */
export function isPasswordRecord(encoded: string): boolean {
  return parse(encoded) !== null;
}

/** URL-safe base64, as we write it; older releases and other programs write either alphabet, padded or not. */
const ours = /^[\w-]{1,128}$/;
const theirs = /^[\w+/-]{43}=?$/;
/** The older form's salt may be any text: what can be seen of ASCII. */
const visible = /^[!-~]{1,256}$/;

/** The record's parts, or null when it is malformed or asks for more work than any of ours does. */
function parse(encoded: string): Parsed | null {
  const [kind, ...parts] = encoded.split('$');
  if (kind === 'scrypt' && parts.length === 5) return parseScrypt(parts);
  if (kind === 'pbkdf2_sha256' && parts.length === 3) return parsePbkdf2(parts);
  return null;
}

function parseScrypt([N = '', r = '', p = '', salt = '', hash = '']: readonly string[]): Parsed | null {
  const cost = { N: countOf(N), r: countOf(r), p: countOf(p) };
  const isPowerOfTwo = cost.N > 1 && (cost.N & (cost.N - 1)) === 0;
  if (!isPowerOfTwo || cost.r === 0 || cost.p === 0 || cost.N * cost.r * cost.p > MAX_SCRYPT_WORK) return null;
  if (!ours.test(salt) || !ours.test(hash)) return null;
  const bytes = Buffer.from(hash, 'base64url');
  return bytes.length < 16 ? null : { kind: 'scrypt', cost, salt: Buffer.from(salt, 'base64url'), hash: bytes };
}

function parsePbkdf2([rounds = '', salt = '', hash = '']: readonly string[]): Parsed | null {
  const iterations = countOf(rounds);
  if (iterations === 0 || iterations > MAX_PBKDF2_ITERATIONS || !visible.test(salt) || !theirs.test(hash)) return null;
  // The old releases wrote the salt as base64 of its bytes; imports from elsewhere use the text itself.
  const salts = [Buffer.from(salt, 'base64url'), Buffer.from(salt, 'utf8')];
  return { kind: 'pbkdf2', iterations, salts, hash: Buffer.from(hash, 'base64url') };
}

/** 0: no count. */
function countOf(text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : 0;
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
