/** Switches that refuse everybody: banned addresses, the site switch, stores that are too far behind. */
import { AppError } from '../../errors.js';
import type { GatewayDeps } from '../deps.js';

type Asked = Pick<GatewayDeps, 'currency'>;

/** Does this node know what was revoked and changed until a second ago? Asks nobody. */
export const isCurrent = ({ currency }: Asked): boolean => currency === undefined || currency.isCurrent();

/** Waits until it knows. Rejects with AppError `storage_unavailable` where it cannot, and as `signal` does. */
export async function current({ currency }: Asked, signal?: AbortSignal): Promise<void> {
  await currency?.current(signal);
}

/** Throws AppError `ip_banned`, `site_disabled` or `storage_unavailable`. */
export function guard(address: string, deps: Pick<GatewayDeps, 'directory' | 'storageUnavailable'>): void {
  if (deps.directory.isBanned(address)) throw new AppError('ip_banned');
  if (!deps.directory.settings().site_enabled) throw new AppError('site_disabled', { retryAfterSeconds: 60 });
  if (deps.storageUnavailable()) throw new AppError('storage_unavailable', { retryAfterSeconds: 5 });
}
