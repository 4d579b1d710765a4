/** A seeded source of chance, so that one seed gives one run: ids, latencies and failures repeat. */

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number in [0, below). */
  int(below: number): number;
  /** A string of `length` characters out of `alphabet`. */
  text(length: number, alphabet?: string): string;
  /** A UUID (version 4 shape). */
  uuid(): string;
  /** Log-normal with this median; 95 of 100 draws are at most `p95`. Equal values give a constant. */
  logNormal(median: number, p95: number): number;
}

export const upperAlphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
export const base64Url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const hex = '0123456789abcdef';
/** The 95th percentile of the standard normal distribution. */
const z95 = 1.6449;

/** Mulberry32: 32 bits of state, good enough for a demo, never for secrets. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number): number => Math.floor(next() * below);
  const text = (length: number, alphabet = base64Url): string => {
    let out = '';
    for (let i = 0; i < length; i++) out += alphabet.charAt(int(alphabet.length));
    return out;
  };
  return {
    next,
    int,
    text,
    uuid: () => `${text(8, hex)}-${text(4, hex)}-4${text(3, hex)}-${text(1, '89ab')}${text(3, hex)}-${text(12, hex)}`,
    logNormal(median, p95) {
      const sigma = p95 > median && median > 0 ? Math.log(p95 / median) / z95 : 0;
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      return median * Math.exp(sigma * normal);
    },
  };
}
