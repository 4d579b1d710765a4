/**
 * Access tokens for the hot path: cached near, the truth in the vault. A refresh is one flight per credential
 * across the cluster, and its rotation is stored before use.
 */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { AppError } from '../errors.js';
import type { SharedCache } from '../infra/cache/port.js';
import { DatabaseError } from '../infra/database/errors.js';
import { type Vault, VaultError } from '../infra/vault.js';
import type { Clock } from '../shared/clock.js';
import { deadlineSignal } from '../shared/deadline.js';
import { unlessLost } from '../shared/unlessLost.js';
import { untilAborted } from '../shared/untilAborted.js';
import { type AccessToken, type CredentialSecret, type RefreshedCredential, type Upstream, UpstreamFailure } from '../upstreams/define.js';
import { createEntryCache } from './entryCache.js';
import { type Entry, type Freshness, freshnessOf, withLife } from './freshness.js';
import type { CredentialStore, StoredCredential, UnfinishedClaim } from './store.js';

export interface UsableCredential {
  readonly authType: string;
  readonly secret: CredentialSecret;
  readonly access: AccessToken;
}

export interface Access {
  /**
   * A credential with an access token that may be sent. Throws UpstreamFailure (`invalid_credential` is permanent),
   * AppError `storage_unavailable` where the vault cannot answer, and the signal's reason.
   */
  get(tokenId: string, signal?: AbortSignal): Promise<UsableCredential>;
  /** Tokens whose credential may be used now without asking anybody, at most 50; for the time in which the vault does not answer. */
  atHand(): string[];
  /** The upstream refused this access token: the next `get` refreshes, whatever its expiry says. */
  refused(tokenId: string, accessValue: string): void;
  /** Takes a caller's own refresh token; answers its token id `ext-<hash>`. */
  external(refreshToken: string): Promise<string>;
  /** The upstream said stop for a caller's own token: every `get` throws this from now on. */
  stop(tokenId: string, failure: UpstreamFailure): void;
  /** Drops what is cached, for example after the token was removed. */
  forget(tokenId: string): Promise<void>;
}

export interface AccessDeps {
  readonly store: CredentialStore;
  readonly cache: SharedCache;
  readonly vault: Vault;
  /** Which upstream a token belongs to; undefined for an unknown token. */
  readonly upstreamOf: (tokenId: string) => Upstream | undefined;
  /** Makes a caller's own token known to the limits, which forget one that rests. */
  readonly registerExternal: (tokenId: string, provider: string) => Promise<void>;
  /** Reads a bare refresh token as a credential of this upstream. */
  readonly externalUpstream: Upstream;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Is the database known not to answer? Then nobody waits for it. Default: never. */
  readonly databaseLost?: () => boolean;
}

const REFRESH_TIMEOUT_MS = 30_000;
/** After a failed refresh ahead of expiry the next one waits this long: a service in trouble is not asked at every request. */
const REFRESH_REST_MS = 30_000;
/** Another node's claim is looked at this often, and this long in all. */
const CLAIM_POLL_MS = 200;
const CLAIM_WAIT_MS = 40_000;
/**
 * A refresh refused as dead proves nothing so long after another node began one and did not end it: that node may stand still
 * with the only living refresh token in its hands, and stores it when it goes on.
 */
const UNSURE_MS = 300_000;
/** Such a token is not tried at every request. */
const UNSURE_REST_MS = 5_000;
/** The vault hears again this often that a caller's own token is used. */
const TOLD_AGAIN_MS = 3_600_000;
/** Callers' own tokens known to be in the vault, refused values, rests and unsaved refreshes: each kept for so many tokens. */
const REMEMBERED = 10_000;

export function createAccess(deps: AccessDeps): Access {
  const { store, clock, logger } = deps;
  const entries = createEntryCache(deps);
  const refusedValues = new Map<string, string>();
  const restUntil = new Map<string, number>();
  const unsureUntil = new Map<string, number>();
  /** Refreshes that the store could not take: the refresh token in the vault may be dead, so these must not be lost. */
  const unsaved = new Map<string, { readonly version: number; readonly fresh: RefreshedCredential }>();
  const flights = new Map<string, Promise<Entry>>();
  /** Hash of a caller's refresh token → until when the vault need not hear of it, monotonic ms. */
  const externals = new Map<string, number>();
  const stopped = new Map<string, UpstreamFailure>();

  function upstreamFor(tokenId: string): Upstream {
    const upstream = deps.upstreamOf(tokenId);
    if (!upstream) throw new UpstreamFailure({ kind: 'routing', message: 'The token is not in the pool any more.' });
    return upstream;
  }

  function judge(tokenId: string, entry: Pick<Entry, 'access' | 'freshUntil'>, upstream: Upstream): Freshness {
    return refusedValues.get(tokenId) === entry.access.value ? 'stale' : freshnessOf(entry, upstream, clock.now());
  }

  const isLost = (): boolean => deps.databaseLost?.() === true;
  const isResting = (tokenId: string): boolean => clock.monotonic() < (restUntil.get(tokenId) ?? Number.NEGATIVE_INFINITY);

  /** All waiters of one credential share one flight. */
  function flight(tokenId: string, upstream: Upstream): Promise<Entry> {
    const running = flights.get(tokenId);
    if (running) return running;
    const started = load(tokenId, upstream)
      .catch((error: unknown) => {
        throw asKnownFault(error);
      })
      .finally(() => flights.delete(tokenId));
    flights.set(tokenId, started);
    return started;
  }

  async function load(tokenId: string, upstream: Upstream): Promise<Entry> {
    const cached = await entries.shared(tokenId);
    if (cached && judge(tokenId, cached, upstream) === 'fresh') return keep(tokenId, cached, 'local');
    const deadline = clock.monotonic() + CLAIM_WAIT_MS;
    let firstVersion: number | undefined;
    for (;;) {
      // Other tokens may be at hand: nobody who could be served by one of them waits here.
      if (isLost()) throw new AppError('storage_unavailable', { retryAfterSeconds: 5 });
      const row = await store.read(tokenId);
      if (!row) throw new UpstreamFailure({ kind: 'invalid_credential', message: 'The credential was removed.' });
      firstVersion ??= row.version;
      const known = row.access === null ? null : { ...row, access: row.access };
      // What was refreshed while we waited is new, however short its life.
      const entry = known && row.version > firstVersion ? withLife(known, clock.now()) : known;
      const state = entry === null ? 'stale' : judge(tokenId, entry, upstream);
      if (entry && state === 'fresh') return keep(tokenId, entry, 'shared');
      if (entry && state === 'usable' && isResting(tokenId)) return keep(tokenId, entry, 'local');
      if (clock.monotonic() < (unsureUntil.get(tokenId) ?? Number.NEGATIVE_INFINITY)) throw unsure();
      const before = await store.unfinished(tokenId);
      if (await store.claim(tokenId, row.version)) {
        const refreshed = await refresh(tokenId, row, upstream, before);
        if (refreshed) return keep(tokenId, refreshed.entry, refreshed.where);
        continue; // the row moved on under us: what somebody else stored serves
      }
      if (entry && state === 'usable') return keep(tokenId, entry, 'local');
      if (clock.monotonic() > deadline)
        throw new UpstreamFailure({ kind: 'network', message: 'Another node did not finish the refresh of this credential.' });
      await wait(CLAIM_POLL_MS);
    }
  }

  /** A token that was removed meanwhile leaves no trace in the caches. */
  async function keep(tokenId: string, entry: Entry, where: 'local' | 'shared'): Promise<Entry> {
    if (deps.upstreamOf(tokenId) === undefined) return entry;
    if (where === 'shared') await entries.keep(tokenId, entry);
    else entries.keepLocal(tokenId, entry);
    return entry;
  }

  type Refreshed = { readonly entry: Entry; readonly where: 'local' | 'shared' };

  /** Under our claim. undefined: look at the row again. */
  async function refresh(
    tokenId: string,
    row: StoredCredential,
    upstream: Upstream,
    before: UnfinishedClaim | undefined,
  ): Promise<Refreshed | undefined> {
    const held = unsaved.get(tokenId);
    let fresh: RefreshedCredential;
    try {
      fresh =
        held?.version === row.version ? held.fresh : await upstream.refresh(row.authType, row.secret, deadlineSignal(REFRESH_TIMEOUT_MS));
    } catch (error) {
      return afterFailure(tokenId, row, upstream, judged(error, before), before);
    }
    // The old refresh token may be dead from here on: store first, use after.
    const stored = await save(tokenId, row.version, fresh);
    restUntil.delete(tokenId);
    if (!stored) {
      logger.warn({ tokenId }, 'a refresh was overtaken by another one');
      return undefined;
    }
    const entry = withLife({ authType: row.authType, secret: fresh.secret, access: fresh.access, version: row.version + 1 }, clock.now());
    if (held && judge(tokenId, entry, upstream) === 'stale') return undefined;
    refusedValues.delete(tokenId);
    return { entry, where: 'shared' };
  }

  async function save(tokenId: string, version: number, fresh: RefreshedCredential): Promise<boolean> {
    try {
      const stored = await store.storeRefreshed(tokenId, version, fresh.secret, fresh.access);
      unsaved.delete(tokenId);
      return stored;
    } catch (error) {
      remember(unsaved, tokenId, { version, fresh });
      // The claim stays ours until it runs out: nobody else can refresh with what is in the vault now.
      throw error;
    }
  }

  /** What a failed refresh says of the credential. */
  function judged(error: unknown, before: UnfinishedClaim | undefined): UpstreamFailure {
    if (!(error instanceof UpstreamFailure))
      return new UpstreamFailure({ kind: 'network', message: 'The credential could not be refreshed.', cause: error });
    return error.kind === 'invalid_credential' && before !== undefined && before.agoMs < UNSURE_MS ? unsure(error) : error;
  }

  async function afterFailure(
    tokenId: string,
    row: StoredCredential,
    upstream: Upstream,
    failure: UpstreamFailure,
    before: UnfinishedClaim | undefined,
  ): Promise<Refreshed | undefined> {
    const isUnsure = isUnsureFailure(failure);
    await release(tokenId, isUnsure ? before : undefined);
    remember(restUntil, tokenId, clock.monotonic() + REFRESH_REST_MS);
    if (isUnsure) remember(unsureUntil, tokenId, clock.monotonic() + UNSURE_REST_MS);
    const newer = await store.read(tokenId);
    // Somebody rotated it under us, or removed it: what they left decides, ours was judged too early.
    if (newer?.version !== row.version) return undefined;
    if (failure.kind === 'invalid_credential' || row.access === null) throw failure;
    const entry = { ...row, access: row.access };
    if (judge(tokenId, entry, upstream) !== 'usable') throw failure;
    logger.warn({ err: failure, tokenId }, 'a refresh ahead of expiry failed');
    return { entry, where: 'local' };
  }

  /** A claim that stays ends by itself. */
  async function release(tokenId: string, back?: UnfinishedClaim): Promise<void> {
    await store
      .release(tokenId, back)
      .catch((error: unknown) => logger.warn({ err: error, tokenId }, 'a refresh claim could not be given up'));
  }

  return {
    async get(tokenId, signal) {
      signal?.throwIfAborted();
      const stop = stopped.get(tokenId);
      if (stop !== undefined) throw stop;
      const upstream = upstreamFor(tokenId);
      const entry = entries.local(tokenId);
      const state = entry === undefined ? 'stale' : judge(tokenId, entry, upstream);
      if (entry === undefined || state === 'stale') {
        const running = unlessLost(flight(tokenId, upstream), deps.databaseLost);
        // It goes on for the others when one waiter leaves.
        return signal === undefined ? running : untilAborted(running, signal);
      }
      if (state === 'usable' && !flights.has(tokenId) && !isResting(tokenId) && !isLost()) {
        flight(tokenId, upstream).catch((error: unknown) => logger.warn({ err: error, tokenId }, 'a refresh ahead of expiry failed'));
      }
      return entry;
    },
    atHand: () =>
      [...entries.locals()]
        .filter(([tokenId, entry]) => {
          const upstream = deps.upstreamOf(tokenId);
          return upstream !== undefined && !stopped.has(tokenId) && judge(tokenId, entry, upstream) !== 'stale';
        })
        .map(([tokenId]) => tokenId),
    refused(tokenId, accessValue) {
      const current = entries.local(tokenId);
      // A late answer to a call with an older one says nothing of the present one.
      if (current === undefined || current.access.value === accessValue) remember(refusedValues, tokenId, accessValue);
    },
    stop: (tokenId, failure) => remember(stopped, tokenId, failure),
    async external(refreshToken) {
      const hash = createHash('sha256').update(refreshToken).digest('hex');
      const tokenId = `ext-${hash.slice(0, 32)}`;
      if (clock.monotonic() >= (externals.get(hash) ?? Number.NEGATIVE_INFINITY)) {
        const parsed = deps.externalUpstream.parseCredential({ authType: 'social', refreshToken });
        await store.keepExternal(tokenId, parsed.authType, `ext:${parsed.fingerprint}`, parsed.secret);
        remember(externals, hash, clock.monotonic() + TOLD_AGAIN_MS);
      }
      await deps.registerExternal(tokenId, deps.externalUpstream.provider);
      return tokenId;
    },
    async forget(tokenId) {
      for (const kept of [refusedValues, restUntil, unsureUntil, unsaved]) kept.delete(tokenId);
      await entries.forget(tokenId);
    },
  };
}

const UNSURE = 'Another node began to refresh this credential and has not ended it.';
const unsure = (cause?: UpstreamFailure): UpstreamFailure => new UpstreamFailure({ kind: 'network', message: UNSURE, cause });
const isUnsureFailure = (failure: UpstreamFailure): boolean => failure.message === UNSURE;

/** The newest stay; the map never holds more than it may. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > REMEMBERED) map.delete(map.keys().next().value ?? '');
}

/** A store out of reach is nobody's fault, nor is a key that this node was not given; a damaged record is this token's. */
function asKnownFault(error: unknown): unknown {
  if (error instanceof DatabaseError && error.transient) return new AppError('storage_unavailable', { retryAfterSeconds: 2, cause: error });
  if (error instanceof VaultError) {
    const kind = error.reason === 'unknown_key' ? 'withdrawn' : 'protocol';
    return new UpstreamFailure({ kind, message: 'The stored credential cannot be opened.', cause: error });
  }
  return error;
}
