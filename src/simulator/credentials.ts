/** The accounts of the simulated service: bound credentials whose access tokens expire and whose refresh tokens may rotate. */
import { createHmac } from 'node:crypto';
import type { Clock } from '../shared/clock.js';
import { defined } from './defined.js';
import type { Random } from './random.js';
import { upperAlphanumeric } from './random.js';
import { bearerInvalid, oauthRefused, socialRefreshRefused } from './refusals.js';

export type CredentialKind = 'social' | 'idc' | 'builder_id';

export interface CredentialOptions {
  readonly kind: CredentialKind;
  /** Ours to choose, so that a test can name it; `cred-N` otherwise. */
  readonly id?: string | undefined;
  /** Where it signed in (auth region). Default us-east-1. */
  readonly region?: string | undefined;
  /** Where it is served; default: `region` if the service runs there, else us-east-1. */
  readonly apiRegion?: string | undefined;
  readonly plan?: 'free' | 'pro' | 'power' | undefined;
  readonly refreshToken?: string | undefined;
  readonly email?: string | undefined;
  /** A new refresh token with every refresh; the one before is refused from then on. */
  readonly rotate?: boolean | undefined;
  readonly accessTokenSeconds?: number | undefined;
  readonly creditsLimit?: number | undefined;
  readonly creditsUsed?: number | undefined;
  /** ms since epoch; default: the first of the next month. */
  readonly resetAt?: number | undefined;
  readonly suspended?: boolean | undefined;
}

/** What may be changed later. */
export interface CredentialPatch {
  readonly suspended?: boolean | undefined;
  /** The refresh token is refused from now on. */
  readonly revoked?: boolean | undefined;
  readonly rotate?: boolean | undefined;
  readonly creditsUsed?: number | undefined;
  readonly creditsLimit?: number | undefined;
  readonly resetAt?: number | undefined;
  readonly accessTokenSeconds?: number | undefined;
  /** All access tokens given out so far are refused from now on. */
  readonly expireAccessTokens?: boolean | undefined;
}

export interface Credential {
  readonly id: string;
  readonly kind: CredentialKind;
  readonly userId: string;
  readonly email: string;
  readonly authRegion: string;
  readonly apiRegion: string;
  readonly plan: 'free' | 'pro' | 'power';
  /** null: it owns none (Builder ID). */
  readonly profileArn: string | null;
  readonly clientId: string | null;
  readonly clientSecret: string | null;
  refreshToken: string;
  revoked: boolean;
  rotate: boolean;
  suspended: boolean;
  creditsUsed: number;
  creditsLimit: number;
  resetAt: number;
  accessTokenSeconds: number;
  /** Until when the account's risk control refuses it, on the monotonic clock. */
  riskUntil: number;
}

export interface IssuedTokens {
  readonly accessToken: string;
  /** Only when it rotated. */
  readonly refreshToken?: string;
  readonly expiresIn: number;
}

export interface Credentials {
  add(options: CredentialOptions): Credential;
  get(id: string): Credential | undefined;
  list(): readonly Credential[];
  update(id: string, patch: CredentialPatch): Credential | undefined;
  /** Who a refresh token belongs to, also one that was rotated away; for the witness. */
  ownerOfRefreshToken(token: string): Credential | undefined;
  /** Throws Refusal. `client` is given by the OIDC endpoint. */
  refresh(token: string, client?: { readonly id: string; readonly secret: string }): { credential: Credential; issued: IssuedTokens };
  /** Who the bearer is, also when the token is stale. */
  ownerOfAccessToken(token: string): Credential | undefined;
  /** Throws Refusal when the access token is unknown or expired. */
  authenticate(token: string): Credential;
  /** The signature this account's thinking carries on this model. */
  sign(credential: Credential, model: string, text: string): string;
}

/** Where inference is served (official notice, May 2026). */
export const servedRegions: readonly string[] = ['us-east-1', 'eu-central-1'];
/** The shared ARN that social logins may fall back to. */
export const sharedSocialArn = 'arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK';
/** The service placeholder seen with Builder ID on streaming calls. */
export const builderPlaceholderArn = 'arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX';

const defaultCredits = { free: 50, pro: 1_000, power: 10_000 } as const;
/** Social tokens share their beginning, so that nobody may tell accounts apart by it. */
const refreshPrefix = { social: 'aorAAAAAG', idc: 'aorAAAAAH', builder_id: 'aorAAAAAI' } as const;
/** Access tokens and rotated refresh tokens remembered for each credential. */
const REMEMBERED = 64;

interface Issued {
  readonly credential: Credential;
  expiresAt: number;
}

function nextMonth(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

function createCredential(options: CredentialOptions, id: string, deps: { clock: Clock; random: Random }): Credential {
  const { clock, random } = deps;
  const { kind, region = 'us-east-1', plan = 'pro' } = options;
  const apiRegion = options.apiRegion ?? (servedRegions.includes(region) ? region : 'us-east-1');
  const account = random.text(12, '0123456789');
  const hasClient = kind !== 'social';
  return {
    id,
    kind,
    userId: `d-${random.text(10, '0123456789abcdef')}.${random.uuid()}`,
    email: options.email ?? `${id}@example.com`,
    authRegion: region,
    apiRegion,
    plan,
    profileArn:
      kind === 'builder_id' ? null : `arn:aws:codewhisperer:${apiRegion}:${account}:profile/${random.text(12, upperAlphanumeric)}`,
    clientId: hasClient ? random.text(22) : null,
    // The real registration is a JWT of several kilobytes; readers must not assume it is short.
    clientSecret: hasClient ? `eyJraWQi${random.text(3_000)}` : null,
    refreshToken: options.refreshToken ?? `${refreshPrefix[kind]}${random.text(240)}`,
    revoked: false,
    rotate: options.rotate ?? false,
    suspended: options.suspended ?? false,
    creditsUsed: options.creditsUsed ?? 0,
    creditsLimit: options.creditsLimit ?? defaultCredits[plan],
    resetAt: options.resetAt ?? nextMonth(clock.now()),
    accessTokenSeconds: options.accessTokenSeconds ?? 3_600,
    riskUntil: Number.NEGATIVE_INFINITY,
  };
}

/** A map that forgets, for each credential, all but its latest keys. */
function createRecentKeys<T extends { readonly credential: Credential }>(): {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  of(credential: Credential): readonly T[];
} {
  const values = new Map<string, T>();
  const keys = new Map<string, string[]>();
  return {
    get: (key) => values.get(key),
    set(key, value) {
      values.set(key, value);
      const own = keys.get(value.credential.id) ?? [];
      keys.set(value.credential.id, own);
      own.push(key);
      if (own.length > REMEMBERED) values.delete(own.shift() ?? '');
    },
    of: (credential) => (keys.get(credential.id) ?? []).flatMap((key) => values.get(key) ?? []),
  };
}

/** The accounts, all in memory. Ids and tokens come from `random`, expiry from the wall clock. */
export function createCredentials(deps: { clock: Clock; random: Random; seed: number }): Credentials {
  const { clock, random, seed } = deps;
  const byId = new Map<string, Credential>();
  const current = new Map<string, Credential>();
  const rotatedAway = createRecentKeys<{ credential: Credential }>();
  const access = createRecentKeys<Issued>();

  const checkRefresh = (token: string, client?: { id: string; secret: string }): Credential => {
    const credential = current.get(token);
    if (!client) {
      if (!credential || credential.revoked || credential.kind !== 'social') throw socialRefreshRefused();
      return credential;
    }
    if (!credential || credential.revoked || credential.kind === 'social') {
      throw oauthRefused(400, 'invalid_grant', 'Invalid refresh token provided', 'refresh.token');
    }
    if (credential.clientId !== client.id || credential.clientSecret !== client.secret) {
      throw oauthRefused(401, 'invalid_client', 'Invalid client provided', 'refresh.client');
    }
    return credential;
  };
  const rotate = (credential: Credential): string => {
    current.delete(credential.refreshToken);
    rotatedAway.set(credential.refreshToken, { credential });
    credential.refreshToken = `${refreshPrefix[credential.kind]}${random.text(240)}`;
    current.set(credential.refreshToken, credential);
    return credential.refreshToken;
  };

  return {
    add(options) {
      const id = options.id ?? `cred-${byId.size + 1}`;
      const credential = createCredential(options, id, deps);
      if (byId.has(id) || current.has(credential.refreshToken))
        throw new Error(`the simulator already has credential ${id} or its refresh token`);
      byId.set(id, credential);
      current.set(credential.refreshToken, credential);
      return credential;
    },
    get: (id) => byId.get(id),
    list: () => [...byId.values()],
    update(id, { expireAccessTokens, ...patch }) {
      const credential = byId.get(id);
      if (!credential) return undefined;
      if (expireAccessTokens) for (const issued of access.of(credential)) issued.expiresAt = 0;
      return Object.assign(credential, defined(patch));
    },
    ownerOfRefreshToken: (token) => current.get(token) ?? rotatedAway.get(token)?.credential,
    refresh(token, client) {
      const credential = checkRefresh(token, client);
      const expiresIn = credential.accessTokenSeconds;
      const accessToken = `aoaAAAAAG${random.text(240)}`;
      access.set(accessToken, { credential, expiresAt: clock.now() + expiresIn * 1_000 });
      const rotated = credential.rotate ? { refreshToken: rotate(credential) } : {};
      return { credential, issued: { accessToken, expiresIn, ...rotated } };
    },
    ownerOfAccessToken: (token) => access.get(token)?.credential,
    authenticate(token) {
      const issued = access.get(token);
      if (!issued) throw bearerInvalid('bearer.unknown');
      if (issued.expiresAt <= clock.now()) throw bearerInvalid('bearer.expired');
      return issued.credential;
    },
    sign: (credential, model, text) => createHmac('sha256', `${seed}:${credential.id}:${model}`).update(text).digest('base64'),
  };
}
