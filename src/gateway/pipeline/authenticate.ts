/** From a request's headers to its caller: managed keys, the operator's key, and callers with their own token (contract §3). */
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AppError } from '../../errors.js';
import type { DirectoryKey } from '../../projections/directory.js';
import type { GatewayDeps } from '../deps.js';
import { header } from '../http.js';
import { type Caller, OPERATOR_KEY, OPERATOR_USER } from './caller.js';

type Deps = Pick<GatewayDeps, 'directory' | 'access' | 'clock' | 'proxyApiKey'>;

/** The credential a client presents, or undefined. `Authorization: Bearer …` wins over `x-api-key`. */
export function presentedKey(req: IncomingMessage): string | undefined {
  const bearer = /^Bearer\s+(.+)$/i.exec(header(req, 'authorization')?.trim() ?? '');
  return bearer?.[1]?.trim() || header(req, 'x-api-key')?.trim() || undefined;
}

const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer');

/**
 * Throws AppError: `invalid_api_key` for every kind of wrong key (one and the same text), `user_banned`,
 * `user_pending`, `site_disabled`. Does no I/O for a key the directory knows.
 */
export async function authenticate(req: IncomingMessage, deps: Deps): Promise<Caller> {
  const presented = presentedKey(req);
  if (presented === undefined || presented.length > 8192) throw new AppError('invalid_api_key');
  return (deps.proxyApiKey === '' ? undefined : await operator(presented, deps)) ?? member(presented, deps);
}

/**
 * Whose key it is as far as this node knows without asking anybody: for requests that are refused before they could be
 * authenticated. null: nobody's, or one that would not have been let in.
 */
export function knownCaller(req: IncomingMessage, deps: Deps): Caller | null {
  const presented = presentedKey(req);
  if (presented === undefined || presented.length > 8192) return null;
  if (deps.proxyApiKey !== '' && isOperators(presented, deps.proxyApiKey)) return operatorCaller;
  const key = deps.directory.knownKey(hash('sha256', presented, 'hex'));
  try {
    return key === undefined ? null : callerOf(key, deps);
  } catch {
    return null;
  }
}

/** The operator's key, alone or in front of a refresh token. The key may itself hold colons: only the split at its own length counts. */
function isOperators(presented: string, proxyApiKey: string): boolean {
  const cut = proxyApiKey.length;
  if (presented.length > cut && presented[cut] !== ':') return false;
  return timingSafeEqual(sha256(presented.slice(0, cut)), sha256(proxyApiKey));
}

async function member(presented: string, deps: Deps): Promise<Caller> {
  const found = deps.directory.keyByHash(hash('sha256', presented, 'hex'));
  const key = found instanceof Promise ? await found : found;
  if (key === undefined) throw new AppError('invalid_api_key');
  return callerOf(key, deps);
}

function callerOf(key: DirectoryKey, deps: Deps): Caller {
  const { directory, clock } = deps;
  const user = directory.user(key.userId);
  if (user === undefined || key.status !== 'active' || (key.expiresAt !== null && key.expiresAt <= clock.now()))
    throw new AppError('invalid_api_key');
  if (user.status === 'banned') throw new AppError('user_banned');
  if (user.status === 'pending') throw new AppError('user_pending');
  const settings = directory.settings();
  return {
    userId: user.id,
    keyId: key.id,
    quota: {
      daily: user.quotaDaily ?? settings.default_user_daily_quota,
      monthly: user.quotaMonthly ?? settings.default_user_monthly_quota,
    },
    keyRpm: key.rpmLimit ?? settings.default_key_rpm_limit,
    allowedModels: key.allowedModels,
    onlyTokenId: null,
    ownOnly: settings.self_use_enabled,
  };
}

const operatorCaller: Caller = {
  userId: OPERATOR_USER,
  keyId: OPERATOR_KEY,
  quota: null,
  keyRpm: null,
  allowedModels: null,
  onlyTokenId: null,
  ownOnly: false,
};

/** `PROXY_API_KEY` alone, or `PROXY_API_KEY:REFRESH_TOKEN`. Compared by digest, in constant time. */
async function operator(presented: string, deps: Deps): Promise<Caller | undefined> {
  if (!isOperators(presented, deps.proxyApiKey)) return undefined;
  if (presented.length === deps.proxyApiKey.length) return operatorCaller;
  const refreshToken = presented.slice(deps.proxyApiKey.length + 1);
  if (refreshToken === '') throw new AppError('invalid_api_key');
  try {
    return { ...operatorCaller, onlyTokenId: await deps.access.external(refreshToken) };
  } catch (cause) {
    if (cause instanceof AppError) throw new AppError('invalid_api_key', { cause });
    throw cause;
  }
}

/** Re-reads what may have changed while the request was paced: a revocation binds at the next admit. */
export function recheck(caller: Caller, deps: Deps): Caller {
  if (caller.keyId === OPERATOR_KEY) return caller;
  const key = deps.directory.key(caller.keyId);
  if (key === undefined) throw new AppError('invalid_api_key');
  return callerOf(key, deps);
}
