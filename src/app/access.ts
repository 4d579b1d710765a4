/** Access tokens of this node: cache, shared cache and vault joined, and forgotten with their token. */
import type { Logger } from 'pino';
import { type Access, createAccess } from '../credentials/access.js';
import { createVaultStore } from '../credentials/vaultStore.js';
import type { Vault } from '../infra/vault.js';
import type { Limits } from '../limits/port.js';
import type { Directory } from '../projections/directory.js';
import type { Clock } from '../shared/clock.js';
import type { Upstreams } from '../upstreams/index.js';
import type { Backbone } from './backbone.js';
import { externalToken } from './wiring.js';

export interface OpenAccessDeps {
  readonly backbone: Pick<Backbone, 'db' | 'cache' | 'databaseLost'>;
  readonly vault: Vault;
  readonly upstreams: Upstreams;
  readonly directory: Directory;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Names this run where it claims a refresh. */
  readonly claimant: string;
}

export function openAccess({ backbone, vault, upstreams, directory, limits, clock, logger, claimant }: OpenAccessDeps): Access {
  // Callers bring tokens of this upstream only (contract §3).
  const externalUpstream = upstreams.get('kiro');
  if (!externalUpstream) throw new Error('the kiro upstream is missing from the registry');
  const access = createAccess({
    store: createVaultStore({ db: backbone.db, vault, claimant }),
    cache: backbone.cache,
    vault,
    upstreamOf: (tokenId) => (tokenId.startsWith('ext-') ? externalUpstream : upstreams.get(directory.token(tokenId)?.provider ?? '')),
    registerExternal: (tokenId, provider) => limits.putTokens([externalToken(tokenId, provider, clock.now())]),
    externalUpstream,
    clock,
    logger,
    ...(backbone.databaseLost && { databaseLost: backbone.databaseLost }),
  });
  directory.onChange(({ tokens }) => {
    for (const id of tokens) if (!directory.token(id)) void access.forget(id);
  });
  return access;
}
