/** Small adapters between parts that do not know each other. */
import type { Config } from '../config.js';
import type { Database } from '../infra/database/port.js';
import type { PoolToken } from '../limits/port.js';
import { tokenHealthOf } from '../projections/tokenHealthQueries.js';
import type { Clock } from '../shared/clock.js';
import type { Ids } from '../shared/ids.js';
import type { UpstreamsOptions } from '../upstreams/index.js';

/** When the token's newest result was a success, its time. */
export async function lastSuccess(db: Database, tokenId: string): Promise<number | null> {
  const health = (await tokenHealthOf(db, [tokenId])).get(tokenId);
  return health && health.consecutiveFails === 0 && health.successes > 0 ? health.lastUsedAt : null;
}

/** A caller's own token as the limits see it: under the same caps, in no pool. */
export function externalToken(tokenId: string, provider: string, now: number): PoolToken {
  return {
    id: tokenId,
    ownerId: null,
    visibility: 'external',
    provider,
    models: null,
    status: 'active',
    parkedUntil: null,
    dailyCap: null,
    createdAt: now,
    position: 0,
  };
}

export function kiroOptions(config: Config, clock: Clock, ids: Ids): UpstreamsOptions['kiro'] {
  return {
    region: config.KIRO_REGION,
    ...(config.KIRO_AUTH_URL && { authUrl: config.KIRO_AUTH_URL }),
    ...(config.KIRO_OIDC_URL && { oidcUrl: config.KIRO_OIDC_URL }),
    ...(config.KIRO_API_URL && { apiUrl: config.KIRO_API_URL }),
    ...(config.KIRO_MANAGEMENT_URL && { managementUrl: config.KIRO_MANAGEMENT_URL }),
    identity: config.KIRO_CLIENT_IDENTITY,
    firstByteTimeoutMs: config.UPSTREAM_FIRST_BYTE_TIMEOUT_MS,
    clock,
    ids,
  };
}
