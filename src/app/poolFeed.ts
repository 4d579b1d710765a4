/** Keeps the limits' pool and settings equal to the directory. */
import type { LimitSettings, Limits, PoolToken } from '../limits/port.js';
import type { Directory, DirectoryToken } from '../projections/directory.js';
import type { Settings } from '../shared/settings.js';

export function limitSettings(settings: Settings): LimitSettings {
  return {
    tokenRpmLimit: settings.token_rpm_limit,
    tokenRphLimit: settings.token_rph_limit,
    tokenMaxConcurrent: settings.token_max_concurrent,
    tokenMaxConsecutiveUses: settings.token_max_consecutive_uses,
    tokenMinSuccessRate: settings.token_min_success_rate,
  };
}

function poolToken(token: DirectoryToken): PoolToken {
  return {
    id: token.id,
    ownerId: token.ownerId,
    visibility: token.visibility,
    provider: token.provider,
    models: token.allowedModels,
    status: token.statusReason === 'credits' && token.parkedUntil !== null ? 'active' : token.status,
    parkedUntil: token.parkedUntil,
    dailyCap: token.dailyCap,
    createdAt: token.createdAt,
    position: token.position,
  };
}

/** Fills the limits and follows every change. `onRemoved` is told of tokens that are gone. Returns what ends it. */
export async function feedPool(directory: Directory, limits: Limits, onRemoved: (tokenId: string) => void): Promise<() => void> {
  limits.configure(limitSettings(directory.settings()));
  await limits.putTokens([...directory.tokens()].map(poolToken));
  const active = new Map([...directory.tokens()].map((token) => [token.id, token.status]));
  return directory.onChange((change) => {
    if (change.settings) limits.configure(limitSettings(directory.settings()));
    for (const id of change.tokens) {
      const token = directory.token(id);
      if (!token) {
        active.delete(id);
        void limits.removeToken(id, directory.position());
        onRemoved(id);
        continue;
      }
      const resumed = token.status === 'active' && active.has(id) && active.get(id) !== 'active';
      active.set(id, token.status);
      // An admin's resume forgets what led to the suspension; a fault right after starts counting anew.
      if (resumed) void limits.resetToken(id);
      void limits.putTokens([poolToken(token)]);
    }
  });
}
