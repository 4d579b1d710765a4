/** Where credentials rest: what access needs of the vault tables. */
import type { StoredCredential, UnfinishedClaim } from '../commands/token/credentials.js';
import type { AccessToken, CredentialSecret } from '../upstreams/define.js';

export type { StoredCredential, UnfinishedClaim };

export interface CredentialStore {
  /** undefined: there is none, or it was removed. Throws VaultError when it cannot be opened. */
  read(tokenId: string): Promise<StoredCredential | undefined>;
  /** Claims the right to refresh this version. False: somebody else has the claim, or the version moved on. */
  claim(tokenId: string, version: number): Promise<boolean>;
  /** Stores rotated secret and access token in one transaction, if the version still is the expected one; ends the claim. */
  storeRefreshed(tokenId: string, expectedVersion: number, secret: CredentialSecret, access: AccessToken): Promise<boolean>;
  /** A refresh that somebody else began and has not ended: asked before a claim is made. */
  unfinished(tokenId: string): Promise<UnfinishedClaim | undefined>;
  /** Ends our claim. `back`: the unfinished one before it stands again. */
  release(tokenId: string, back?: UnfinishedClaim): Promise<void>;
  /** Keeps a caller's own credential (`ext-…`), once, and notes that it is used; after 30 days without, it is forgotten. */
  keepExternal(tokenId: string, authType: string, fingerprint: string, secret: CredentialSecret): Promise<void>;
}
