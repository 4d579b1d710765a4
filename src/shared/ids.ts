/** Identifiers as a dependency: UUIDv7 for events and requests, short random ids for aggregates. */
import { createHash, randomBytes } from 'node:crypto';
import { customAlphabet } from 'nanoid';
import type { Clock } from './clock.js';

export interface Ids {
  /** A UUIDv7: sortable by the millisecond it was minted in, and rising within one source. */
  uuid(): string;
  /** Sixteen lower-case letters and digits (82 bits) for users, keys, tokens and the like. */
  short(): string;
}

/** The four digits that say RFC 9562. */
const VARIANTS = '89ab';

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

/**
 * Random ids over a clock. UUIDs rise strictly within one source even when the clock steps back:
 * the 12-bit `rand_a` field counts within a millisecond and overflows into the next one (RFC 9562 §6.2).
 */
export function createIds(clock: Clock): Ids {
  const short = customAlphabet(alphabet, 16);
  let lastMs = 0;
  let counter = 0;
  /** Random digits for many ids: hexadecimal text is cheapest made and cut in one go. */
  let pool = '';
  let used = 0;
  let time = '';
  const take16 = (): string => {
    if (used + 16 > pool.length) {
      pool = randomBytes(2048).toString('hex');
      used = 0;
    }
    used += 16;
    return pool.slice(used - 16, used);
  };
  const setTime = (ms: number): void => {
    lastMs = ms;
    const digits = ms.toString(16).padStart(12, '0');
    time = `${digits.slice(0, 8)}-${digits.slice(8)}`;
  };
  return {
    short,
    uuid() {
      const ms = clock.now();
      const random = take16();
      if (ms > lastMs) {
        setTime(ms);
        counter = Number.parseInt(random.slice(12), 16) & 0x7ff;
      } else if (++counter > 0xfff) {
        setTime(lastMs + 1);
        counter = 0;
      }
      const a = (0x7000 | counter).toString(16);
      return `${time}-${a}-${VARIANTS[Number.parseInt(random.slice(0, 1), 16) & 3]}${random.slice(1, 4)}-${random.slice(4)}`;
    },
  };
}

/** The same UUIDv7 for the same name and moment (ms since epoch): whoever mints it again names the same thing. */
export function derivedUuid(name: string, ms: number): string {
  const time = ms.toString(16).padStart(12, '0');
  const hash = createHash('sha256').update(name).digest('hex');
  const variant = ((Number.parseInt(hash.slice(0, 1), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(1, 4)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`;
}

/** The millisecond a UUIDv7 was minted in. */
export function uuidTime(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}
