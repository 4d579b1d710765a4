/** A random wait before admission, so that calls do not come in machine rhythm; nothing is held meanwhile (spec R12). */
import { setTimeout as wait } from 'node:timers/promises';
import type { GatewayDeps } from '../deps.js';

/** How long this call is to wait: uniform between the settings' bounds, ms; 0 is off. */
export function pacingMs(deps: Pick<GatewayDeps, 'directory' | 'random'>): number {
  const { token_pacing_min_ms: min, token_pacing_max_ms: max } = deps.directory.settings();
  return min + deps.random() * Math.max(0, max - min);
}

/** Rejects with the signal's reason when the client leaves. */
export async function pace(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await wait(ms, undefined, { signal });
}
