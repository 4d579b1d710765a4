/**
 * Access tokens for the hot path: the 50 hottest in memory, the rest in the shared cache, the truth in the
 * vault. A refresh is one flight per credential across the cluster, and its rotation is stored before use.
 */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { SharedCache } from '../infra/cache/port.js';
import type { Vault } from '../infra/vault.js';
import type { Clock } from '../shared/clock.js';
import { type AccessToken, type CredentialSecret, type Upstream, UpstreamFailure } from '../upstreams/define.js';
import type { CredentialStore, StoredCredential } from './store.js';

export interface UsableCredential {
  readonly authType: string;
  readonly secret: CredentialSecret;
  readonly access: AccessToken;
}

export interface Access {
  /** A credential with an access token that may be sent. Throws UpstreamFailure; `invalid_credential` is permanent. */
  get(tokenId: string, signal?: AbortSignal): Promise<UsableCredential>;
  /** The upstream refused this access token: the next `get` refreshes, whatever its expiry says. */
  refused(tokenId: string, accessValue: string): void;
  /** Takes a caller's own refresh token; answers its token id `ext-<hash>`. */
  external(refreshToken: string): Promise<string>;
  /** Drops what is cached, for example after the token was removed. */
  forget(tokenId: string): Promise<void>;
}

export interface AccessDeps {
  readonly store: CredentialStore;
  readonly cache: SharedCache;
  readonly vault: Vault;
  /** Which upstream a token belongs to; undefined for an unknown token. */
  readonly upstreamOf: (tokenId: string) => Upstream | undefined;
  /** Makes a caller's own token known to the limits. */
  readonly registerExternal: (tokenId: string, provider: string) => Promise<void>;
  /** Reads a bare refresh token as a credential of this upstream. */
  readonly externalUpstream: Upstream;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Spec R3. */
const LOCAL_ENTRIES = 50;
const CACHE_TTL_MS = 3_600_000;
/** With this much left a token may still be sent while its refresh runs (kiro-protocol B2: expired at 5 min). */
const USABLE_MS = 5 * 60_000;
const REFRESH_TIMEOUT_MS = 30_000;
/** Another node's claim is looked at this often, and this long in all. */
const CLAIM_POLL_MS = 200;
const CLAIM_WAIT_MS = 40_000;
/** Known callers' own tokens, so that the vault is asked once for each. */
const EXTERNAL_ENTRIES = 10_000;

interface Entry extends StoredCredential {
  readonly access: AccessToken;
  /** A token whose whole life is shorter than the refresh margin is fresh for four fifths of it (ms since epoch), else every call would refresh. */
  readonly freshUntil?: number;
}

const SHORT_LIFE_MS = 10 * 60_000;

export function createAccess(deps: AccessDeps): Access {
  const local = new Map<string, Entry>();
  const refusedValues = new Map<string, string>();
  const flights = new Map<string, Promise<Entry>>();
  const externals = new Map<string, string>();

  function remember(tokenId: string, entry: Entry): Entry {
    local.delete(tokenId);
    local.set(tokenId, entry);
    if (local.size > LOCAL_ENTRIES) local.delete(local.keys().next().value ?? '');
    return entry;
  }

  function upstreamFor(tokenId: string): Upstream {
    const upstream = deps.upstreamOf(tokenId);
    if (!upstream) throw new UpstreamFailure({ kind: 'routing', message: 'The token is not in the pool any more.' });
    return upstream;
  }

  /** `fresh`: needs nothing. `usable`: refresh soon. `stale`: must not be sent. */
  function stateOf(tokenId: string, access: AccessToken | null, upstream: Upstream, freshUntil?: number): 'fresh' | 'usable' | 'stale' {
    if (access === null || refusedValues.get(tokenId) === access.value) return 'stale';
    const now = deps.clock.now();
    if (freshUntil !== undefined) return now < freshUntil ? 'fresh' : 'stale';
    if (!upstream.needsRefresh(access, now)) return 'fresh';
    return access.expiresAt === null || access.expiresAt - now > USABLE_MS ? 'usable' : 'stale';
  }

  /** All waiters of one credential share one flight. */
  function flight(tokenId: string, upstream: Upstream): Promise<Entry> {
    const running = flights.get(tokenId);
    if (running) return running;
    const started = load(tokenId, upstream).finally(() => flights.delete(tokenId));
    flights.set(tokenId, started);
    return started;
  }

  async function load(tokenId: string, upstream: Upstream): Promise<Entry> {
    const cached = await readCache(tokenId, deps);
    if (cached && stateOf(tokenId, cached.access, upstream, cached.freshUntil) === 'fresh') return remember(tokenId, cached);
    const deadline = deps.clock.monotonic() + CLAIM_WAIT_MS;
    for (;;) {
      const row = await deps.store.read(tokenId);
      if (!row) throw new UpstreamFailure({ kind: 'invalid_credential', message: 'The credential was removed.' });
      if (row.access && stateOf(tokenId, row.access, upstream) === 'fresh') return keep(tokenId, { ...row, access: row.access });
      if (await deps.store.claim(tokenId, row.version)) return keep(tokenId, await refresh(tokenId, row, upstream));
      if (deps.clock.monotonic() > deadline)
        throw new UpstreamFailure({ kind: 'network', message: 'Another node did not finish the refresh of this credential.' });
      await wait(CLAIM_POLL_MS);
    }
  }

  async function keep(tokenId: string, entry: Entry): Promise<Entry> {
    await writeCache(tokenId, entry, deps);
    return remember(tokenId, entry);
  }

  async function refresh(tokenId: string, row: StoredCredential, upstream: Upstream): Promise<Entry> {
    try {
      const fresh = await upstream.refresh(row.authType, row.secret, AbortSignal.timeout(REFRESH_TIMEOUT_MS));
      // The old refresh token may be dead from here on: store first, use after.
      const stored = await deps.store.storeRefreshed(tokenId, row.version, fresh.secret, fresh.access);
      if (!stored) deps.logger.warn({ tokenId }, 'a refresh was overtaken by another one');
      refusedValues.delete(tokenId);
      return withLife({ authType: row.authType, secret: fresh.secret, access: fresh.access, version: row.version + 1 }, deps.clock.now());
    } catch (error) {
      await deps.store.release(tokenId);
      const newer = await deps.store.read(tokenId);
      // Somebody rotated it under us: their token serves, ours was judged too early.
      if (newer?.access && newer.version !== row.version && stateOf(tokenId, newer.access, upstream) !== 'stale')
        return { ...newer, access: newer.access };
      throw error instanceof UpstreamFailure
        ? error
        : new UpstreamFailure({ kind: 'network', message: 'The credential could not be refreshed.', cause: error });
    }
  }

  return {
    async get(tokenId, signal) {
      const upstream = upstreamFor(tokenId);
      const entry = local.get(tokenId);
      const state = stateOf(tokenId, entry?.access ?? null, upstream, entry?.freshUntil);
      if (entry && state === 'fresh') {
        return local.size < LOCAL_ENTRIES ? entry : remember(tokenId, entry);
      }
      const running = flight(tokenId, upstream);
      if (entry && state === 'usable') {
        running.catch((error: unknown) => deps.logger.warn({ err: error, tokenId }, 'a refresh ahead of expiry failed'));
        return entry;
      }
      return await untilAborted(running, signal);
    },
    refused(tokenId, accessValue) {
      if (refusedValues.size >= EXTERNAL_ENTRIES) refusedValues.delete(refusedValues.keys().next().value ?? '');
      refusedValues.set(tokenId, accessValue);
    },
    async external(refreshToken) {
      const hash = createHash('sha256').update(refreshToken).digest('hex');
      const known = externals.get(hash);
      if (known) return known;
      const parsed = deps.externalUpstream.parseCredential({ authType: 'social', refreshToken });
      const tokenId = `ext-${hash.slice(0, 32)}`;
      await deps.store.keepExternal(tokenId, parsed.authType, `ext:${parsed.fingerprint}`, parsed.secret);
      await deps.registerExternal(tokenId, deps.externalUpstream.provider);
      if (externals.size >= EXTERNAL_ENTRIES) externals.delete(externals.keys().next().value ?? '');
      externals.set(hash, tokenId);
      return tokenId;
    },
    async forget(tokenId) {
      local.delete(tokenId);
      refusedValues.delete(tokenId);
      await deps.cache.delete(cacheKey(tokenId));
    },
  };
}

function withLife(entry: Entry, now: number): Entry {
  const life = entry.access.expiresAt === null ? Number.POSITIVE_INFINITY : entry.access.expiresAt - now;
  return life > SHORT_LIFE_MS ? entry : { ...entry, freshUntil: now + life * 0.8 };
}

/** The flight goes on for the others when one waiter leaves. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  signal.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

const cacheKey = (tokenId: string): string => `kirogate:auth_cache:${tokenId}`;

async function readCache(tokenId: string, deps: AccessDeps): Promise<Entry | undefined> {
  const sealed = await deps.cache.get(cacheKey(tokenId));
  if (!sealed) return undefined;
  try {
    return JSON.parse(deps.vault.open(sealed.toString('utf8'), cacheKey(tokenId))) as Entry;
  } catch {
    return undefined; // sealed with another key, or damaged: the vault table has the truth
  }
}

async function writeCache(tokenId: string, entry: Entry, deps: AccessDeps): Promise<void> {
  await deps.cache.set(cacheKey(tokenId), Buffer.from(deps.vault.seal(JSON.stringify(entry), cacheKey(tokenId)), 'utf8'), CACHE_TTL_MS);
}
