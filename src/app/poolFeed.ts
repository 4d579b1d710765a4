/** Keeps the limits' pool and settings equal to the directory. */
import type { LimitSettings, Limits, PoolToken } from '../limits/port.js';
import type { Directory, DirectoryToken } from '../projections/directory.js';
import type { Settings } from '../shared/settings.js';

function limitSettings(settings: Settings): LimitSettings {
  return {
    tokenRpmLimit: settings.token_rpm_limit,
    tokenRphLimit: settings.token_rph_limit,
    tokenMaxConcurrent: settings.token_max_concurrent,
    tokenMaxConsecutiveUses: settings.token_max_consecutive_uses,
    tokenMinSuccessRate: settings.token_min_success_rate,
  };
}

/** As the limits see it. */
export function poolToken(token: DirectoryToken): PoolToken {
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

/** With the position they were read at: of several nodes that tell the limits, the one that knows most wins. */
export function settingsNow(directory: Pick<Directory, 'settings' | 'position'>): LimitSettings {
  return { ...limitSettings(directory.settings()), position: directory.position() };
}

/** Fills the limits and follows every change. Returns what ends it. */
export async function feedPool(directory: Directory, limits: Limits): Promise<() => void> {
  limits.configure(settingsNow(directory));
  // Listening comes before filling: what changes meanwhile carries a newer position, and wins.
  const end = directory.onChange((change) => {
    if (change.settings) limits.configure(settingsNow(directory));
    const changed: PoolToken[] = [];
    for (const id of change.tokens) {
      const token = directory.token(id);
      if (token) changed.push(poolToken(token));
      else void limits.removeToken(id, directory.position());
    }
    // In one go: an import brings thousands.
    if (changed.length > 0) void limits.putTokens(changed);
  });
  await limits.putTokens([...directory.tokens()].map(poolToken));
  return end;
}
