/** How long an access token may be sent, and when its refresh is due (kiro-protocol B2, spec R3). */
import type { AccessToken, Upstream } from '../upstreams/define.js';
import type { StoredCredential } from './store.js';

/** A credential as it may be used. */
export interface Entry extends StoredCredential {
  readonly access: AccessToken;
  /** Instead of the upstream's margin (ms since epoch): for a token whose whole life is little longer than that margin. */
  readonly freshUntil?: number;
}

/** `fresh`: needs nothing. `usable`: may be sent while its refresh runs. `stale`: must not be sent. */
export type Freshness = 'fresh' | 'usable' | 'stale';

/** With this much left a token still is sent (kiro-protocol B2: expired at 5 min). */
const USABLE_MS = 5 * 60_000;
/** Twice the refresh margin: below it, that margin would refresh at nearly every call. */
const SHORT_LIFE_MS = 20 * 60_000;

export function freshnessOf(entry: Pick<Entry, 'access' | 'freshUntil'>, upstream: Upstream, now: number): Freshness {
  const { access, freshUntil } = entry;
  const due = freshUntil === undefined ? upstream.needsRefresh(access, now) : now >= freshUntil;
  if (!due) return 'fresh';
  return access.expiresAt === null || access.expiresAt - now > USABLE_MS ? 'usable' : 'stale';
}

/** Notes what is left of a token's life: a short one is fresh for half of it. */
export function withLife(entry: Entry, now: number): Entry {
  const { expiresAt } = entry.access;
  return expiresAt === null || expiresAt - now >= SHORT_LIFE_MS ? entry : { ...entry, freshUntil: now + (expiresAt - now) / 2 };
}
