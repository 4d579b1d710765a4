/** Switches that refuse everybody: banned addresses, the site switch, stores that are too far behind. */
import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '../../errors.js';
import type { GatewayDeps } from '../deps.js';

type Asked = Pick<GatewayDeps, 'currency'>;

/** Does this node know what was revoked and changed until a second ago? Asks nobody. */
export const isCurrent = ({ currency }: Asked): boolean => currency === undefined || currency.isCurrent();

/** Waits until it knows. Rejects with AppError `storage_unavailable` where it cannot, and as `signal` does. */
export async function current({ currency }: Asked, signal?: AbortSignal): Promise<void> {
  await currency?.current(signal);
}

const LOOK_MS = 50;

/**
 * Waits until requests may begin again, no longer than `storageHoldMs`: a node that refuses at once looks idle to a balancer, which
 * would send it all the more. Rejects as `signal` does.
 */
export async function storageBack(
  { storageUnavailable, storageHoldMs = 0, clock }: Pick<GatewayDeps, 'storageUnavailable' | 'storageHoldMs' | 'clock'>,
  signal: AbortSignal,
): Promise<void> {
  const end = clock.monotonic() + storageHoldMs;
  while (storageUnavailable() && clock.monotonic() < end) await wait(LOOK_MS, undefined, { signal });
}

/** Throws AppError `ip_banned`, `site_disabled` or `storage_unavailable`. */
export function guard(address: string, deps: Pick<GatewayDeps, 'directory' | 'storageUnavailable'>): void {
  if (deps.directory.isBanned(address)) throw new AppError('ip_banned');
  if (!deps.directory.settings().site_enabled) throw new AppError('site_disabled', { retryAfterSeconds: 60 });
  if (deps.storageUnavailable()) throw new AppError('storage_unavailable', { retryAfterSeconds: 5 });
}
