/** What other runs' words prove of one's own copy, once it holds what they knew. */
import type { Proof } from './words.js';

export interface Proofs {
  /** Monotonic ms: everything that anybody had confirmed then is known here. */
  provenAt(): number;
  /** Of words that were read at `readAt`, monotonic ms. */
  add(proofs: readonly Proof[], readAt: number): void;
  /** The copy has come to this position: proofs up to it count, and those older than `oldest` (monotonic ms) are let go. */
  reached(position: number, oldest: number): void;
  /** Does one of them speak of more than this? */
  isBeyond(position: number): boolean;
}

const MOST_PROOFS = 1_000;

export function createProofs(): Proofs {
  let provenAt = Number.NEGATIVE_INFINITY;
  let open: { readonly position: number; readonly asOf: number }[] = [];
  return {
    provenAt: () => provenAt,
    add(proofs, readAt) {
      open.push(...proofs.map(({ position, ageMs }) => ({ position, asOf: readAt - ageMs })));
    },
    reached(position, oldest) {
      for (const proof of open) if (proof.position <= position) provenAt = Math.max(provenAt, proof.asOf);
      const useful = Math.max(provenAt, oldest);
      open = open.filter((proof) => proof.position > position && proof.asOf > useful).slice(-MOST_PROOFS);
    },
    isBeyond: (position) => open.some((proof) => proof.position > position),
  };
}
