/** Exchanges a refresh token for an access token, and tells a dead credential from a bad moment (kiro-protocol B2). */
import type { Clock } from '../../shared/clock.js';
import { type AccessToken, type RefreshedCredential, UpstreamFailure } from '../define.js';
import type { KiroSecret } from './credentials.js';
import { cleanMessage, type Refusal, readRefusal } from './failures.js';
import { arnRegion, authOrigin, type KiroAuthType, type Origins, oidcOrigin } from './routes.js';
import { askText, type Wire } from './wire.js';

const refreshTimeoutMs = 30_000;
/** Ten minutes before its end an access token is exchanged. */
const refreshAheadMs = 10 * 60_000;
const defaultLifetimeSeconds = 3_600;

export function needsRefresh(access: AccessToken | undefined, nowMs: number): boolean {
  return access === undefined || (access.expiresAt !== null && access.expiresAt - nowMs <= refreshAheadMs);
}

interface Exchange {
  readonly origin: string;
  readonly path: string;
  readonly body: Readonly<Record<string, string | undefined>>;
}

const exchanges: Readonly<Record<KiroAuthType, (secret: KiroSecret, origins: Origins) => Exchange>> = {
  social: (secret, origins) => ({
    origin: authOrigin(origins, secret.region),
    path: '/refreshToken',
    body: { refreshToken: secret.refreshToken },
  }),
  idc: oidcExchange,
  builder_id: oidcExchange,
};

/** JSON in camelCase and no `scope`: form encoding, snake_case and scopes are refused (B2). */
function oidcExchange(secret: KiroSecret, origins: Origins): Exchange {
  return {
    origin: oidcOrigin(origins, secret.region),
    path: '/token',
    body: {
      clientId: secret.clientId,
      clientSecret: secret.clientSecret,
      grantType: 'refresh_token',
      refreshToken: secret.refreshToken,
    },
  };
}

export interface RefreshDeps {
  readonly wire: Wire;
  readonly origins: Origins;
  readonly identity: string;
  readonly clock: Clock;
}

/**
 * Throws UpstreamFailure: `invalid_credential` when the token is dead for good — the caller first looks whether
 * another process has stored a newer copy —, everything else is a passing trouble that must disable nothing.
 */
export async function refreshKiro(
  deps: RefreshDeps,
  authType: KiroAuthType,
  secret: KiroSecret,
  signal: AbortSignal,
): Promise<RefreshedCredential> {
  const { origin, path, body } = exchanges[authType](secret, deps.origins);
  const answer = await askText(deps.wire, {
    origin,
    path,
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', 'user-agent': deps.identity },
    body: JSON.stringify(body),
    signal,
    timeoutMs: refreshTimeoutMs,
  });
  const now = deps.clock.now();
  if (answer.status !== 200) {
    throw refreshFailure(readRefusal(answer.status, answer.text, answer.headers, now), answer.text, secret, now);
  }
  return readGrant(answer.text, secret, now);
}

function readGrant(text: string, secret: KiroSecret, nowMs: number): RefreshedCredential {
  let grant: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) grant = parsed as Record<string, unknown>;
  } catch {
    // Told below: no access token in it.
  }
  const field = (camel: string, snake: string): unknown => grant[camel] ?? grant[snake];
  const value = field('accessToken', 'access_token');
  if (typeof value !== 'string' || value === '') {
    throw new UpstreamFailure({ kind: 'protocol', message: 'The sign-in service answered without an access token.', status: 200 });
  }
  const rotated = field('refreshToken', 'refresh_token');
  const lifetime = Number(field('expiresIn', 'expires_in') ?? defaultLifetimeSeconds);
  const arn = field('profileArn', 'profile_arn');
  const profileArn = typeof arn === 'string' && arnRegion(arn) !== null ? arn : secret.profileArn;
  const stored: KiroSecret = {
    ...secret,
    ...(typeof rotated === 'string' && rotated !== '' ? { refreshToken: rotated } : {}),
    ...(profileArn === undefined ? {} : { profileArn }),
  };
  return {
    secret: { ...stored },
    access: {
      value,
      expiresAt: nowMs + (Number.isFinite(lifetime) && lifetime > 0 ? lifetime : defaultLifetimeSeconds) * 1_000,
      facts: profileArn === undefined ? {} : { profileArn },
    },
  };
}

const deadWords =
  /invalid_grant|invalidgrant|refresh_token_reused|revoked|access_denied|expired_token|expiredtoken|bad credentials|invalid refresh ?token/i;
const clientWords = /invalid_client|invalidclient|unauthorized_client|unauthorizedclient/i;

/** Which statuses and words end a credential (B2). A 400 without them is more likely our fault than its death. */
function refreshFailure(refusal: Refusal, body: string, secret: KiroSecret, nowMs: number): UpstreamFailure {
  const status = refusal.status ?? 0;
  const secrets = [secret.refreshToken, secret.clientSecret ?? '', secret.clientId ?? ''];
  const message = cleanMessage(refusal.message || refusal.reason || `HTTP ${status}`, secrets);
  const detail = { message, status, ...(refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs }) };
  if (status === 429 || status >= 500) return new UpstreamFailure({ ...detail, kind: 'transient' });
  if (clientWords.test(body)) {
    const expired = secret.clientExpiresAt !== undefined && secret.clientExpiresAt <= nowMs;
    const why = expired ? 'The client registration has expired' : 'The client registration is not accepted';
    return new UpstreamFailure({
      ...detail,
      kind: 'invalid_credential',
      reason: 'client_registration',
      message: `${why}; sign in again and donate anew. ${message}`,
    });
  }
  if (deadWords.test(body) || status === 401) {
    return new UpstreamFailure({ ...detail, kind: 'invalid_credential', ...(refusal.reason === null ? {} : { reason: refusal.reason }) });
  }
  return new UpstreamFailure({ ...detail, kind: status === 404 || status === 405 ? 'routing' : 'protocol' });
}
