/** The vault tables as access needs them, with claims in this node's name. */
import {
  claimRefresh,
  keepExternalCredential,
  readCredential,
  releaseClaim,
  storeRefreshed,
  unfinishedClaim,
} from '../commands/token/credentials.js';
import type { Database } from '../infra/database/port.js';
import type { Vault } from '../infra/vault.js';
import type { Clock } from '../shared/clock.js';
import type { CredentialStore } from './store.js';

export interface VaultStoreDeps {
  readonly db: Database;
  readonly vault: Vault;
  /** For tests. Otherwise claims go by the database's clock, the same for all nodes. */
  readonly clock?: Pick<Clock, 'now'>;
  /** Unique per process run: a node that starts again must wait for the claim of the one that died. */
  readonly claimant: string;
}

/** Longer than a refresh may take (30 s), so that a claim ends by itself only when its node died. */
const CLAIM_TTL_MS = 35_000;

export function createVaultStore({ db, vault, clock, claimant }: VaultStoreDeps): CredentialStore {
  return {
    read: (tokenId) => readCredential(db, vault, tokenId),
    claim: (tokenId, version) => db.tx((tx) => claimRefresh(tx, { tokenId, version, claimant, ttlMs: CLAIM_TTL_MS, now: clock?.now() })),
    storeRefreshed: (tokenId, expectedVersion, secret, access) =>
      db.tx((tx) => storeRefreshed(tx, vault, { tokenId, expectedVersion, secret, access })),
    unfinished: (tokenId) => unfinishedClaim(db, { tokenId, claimant, now: clock?.now() }),
    release: (tokenId, back) => db.tx((tx) => releaseClaim(tx, { tokenId, claimant, back })),
    async keepExternal(tokenId, authType, fingerprint, secret) {
      await db.tx((tx) => keepExternalCredential(tx, vault, { tokenId, authType, fingerprint, secret }, clock?.now()));
    },
  };
}
