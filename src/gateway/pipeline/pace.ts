/** A random wait before admission, so that calls do not come in machine rhythm; nothing is held meanwhile (spec R12). */
import { setTimeout as wait } from 'node:timers/promises';

/** Uniform in [min, max] ms; 0 ms is off. Rejects with the signal's reason when the client leaves. */
export async function pace(bounds: { minMs: number; maxMs: number }, random: () => number, signal: AbortSignal): Promise<void> {
  const ms = bounds.minMs + random() * Math.max(0, bounds.maxMs - bounds.minMs);
  if (ms > 0) await wait(ms, undefined, { signal });
}
