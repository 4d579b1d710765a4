/** Checks a donated Kiro credential and gives it the one shape that the vault keeps. */
import { hash } from 'node:crypto';
import { AppError } from '../../errors.js';
import { type CredentialSecret, type ParsedCredential, UpstreamFailure } from '../define.js';
import { arnRegion, isRegion, type KiroAuthType } from './routes.js';

/** What the vault keeps. `id` stays the same when the refresh token rotates. */
export interface KiroSecret {
  readonly id: string;
  readonly refreshToken: string;
  /** Where the token was minted. */
  readonly region: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** ms since epoch at which the OIDC client registration ends (about 90 days). */
  readonly clientExpiresAt?: number;
  /** Where the API is called, when the donor said so. */
  readonly apiRegion?: string;
  readonly profileArn?: string;
}

type Input = Readonly<Record<string, unknown>>;

/** `reason` names the fault for whoever says it in another language. */
function refuse(param: string, reason: string, message: string): never {
  throw new AppError('invalid_request', { param, message, extra: { reason } });
}

/** A text field by any of its spellings; empty counts as absent. */
function textField(input: Input, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = input[name];
    if (value === undefined || value === null || value === '') continue;
    if (typeof value !== 'string') refuse(names[0] ?? name, 'not_text', `${name} must be a text.`);
    const trimmed = value.trim();
    if (trimmed !== '') return trimmed;
  }
  return undefined;
}

/** Stored times appear as ISO text, epoch seconds or epoch milliseconds (B2). Returns ms, or null when it is none of these. */
export function parseExpiry(value: unknown): number | null {
  if (typeof value === 'string' && !/^\d+(?:\.\d+)?$/.test(value.trim())) {
    const parsed = Date.parse(value);
    return Number.isNaN(parsed) ? null : parsed;
  }
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number <= 0) return null;
  // 1e11 s is the year 5138 and 1e11 ms is 1973: no stored time lies on the wrong side.
  return Math.round(number < 1e11 ? number * 1_000 : number);
}

const authTypeNames: Readonly<Record<string, KiroAuthType>> = {
  social: 'social',
  google: 'social',
  github: 'social',
  idc: 'idc',
  enterprise: 'idc',
  builder_id: 'builder_id',
  'builder-id': 'builder_id',
  builderid: 'builder_id',
};

function authTypeOf(input: Input): KiroAuthType {
  const named = textField(input, 'authType', 'auth_type', 'authMethod', 'auth_method');
  if (named === undefined) return textField(input, 'clientId', 'client_id') === undefined ? 'social' : 'idc';
  return authTypeNames[named.toLowerCase()] ?? refuse('authType', 'unknown_auth_type', 'authType must be one of social, idc, builder_id.');
}

/** Refresh tokens are of letters, digits and the signs that base64, JWTs and opaque tokens use; JSON's and a table's are none of them. */
const foreignCharacter = /[^A-Za-z0-9!#$%&*+\-./:=?@^_|~]/u;

function nameOf(character: string): string {
  return /[!-~]/.test(character) ? JSON.stringify(character) : /\s/.test(character) ? 'a blank' : 'a character';
}

/**
 * Real refresh tokens are longer than 100 characters; a shorter one was usually cut by some display (B2). The
 * bound here is 20 all the same, because simulators and tests work with short synthetic ones; what a display
 * leaves behind when it cuts, an ellipsis, is always refused.
 */
function refreshTokenOf(input: Input): string {
  const token = textField(input, 'refreshToken', 'refresh_token');
  if (token === undefined) refuse('refreshToken', 'missing', 'refreshToken is missing.');
  if (token.includes('...') || token.includes('…') || token.length < 20) {
    refuse('refreshToken', 'looks_cut', 'refreshToken looks cut; copy the whole value from its file, not from a display.');
  }
  if (token.length > 20_000) refuse('refreshToken', 'too_long', 'refreshToken is too long.');
  const foreign = foreignCharacter.exec(token)?.[0];
  if (foreign !== undefined)
    refuse('refreshToken', 'foreign_character', `refreshToken contains ${nameOf(foreign)}, which no refresh token has.`);
  return token;
}

function regionField(input: Input, ...names: readonly string[]): string | undefined {
  const region = textField(input, ...names);
  if (region !== undefined && !isRegion(region))
    refuse(names[0] ?? 'region', 'not_region', `${names[0]} is not an AWS region such as us-east-1.`);
  return region;
}

function clientOf(input: Input, authType: KiroAuthType): Pick<KiroSecret, 'clientId' | 'clientSecret' | 'clientExpiresAt'> {
  if (authType === 'social') return {};
  const clientId = textField(input, 'clientId', 'client_id');
  const clientSecret = textField(input, 'clientSecret', 'client_secret');
  if (clientId === undefined) refuse('clientId', 'missing', `clientId is missing; ${authType} tokens need the client registration.`);
  if (clientSecret === undefined)
    refuse('clientSecret', 'missing', `clientSecret is missing; ${authType} tokens need the client registration.`);
  const expires = parseExpiry(input.clientSecretExpiresAt ?? input.client_secret_expires_at);
  return { clientId, clientSecret, ...(expires === null ? {} : { clientExpiresAt: expires }) };
}

/**
 * Reads a donation in camelCase or snake_case, as the admin API, the IDE's cache file and kiro-cli write it.
 * Throws AppError `invalid_request` with `param`. `defaultRegion` stands in where the donor names none.
 */
export function parseKiroCredential(input: Input, defaultRegion: string): ParsedCredential {
  const authType = authTypeOf(input);
  const refreshToken = refreshTokenOf(input);
  const region = regionField(input, 'region', 'authRegion', 'auth_region', 'ssoRegion', 'sso_region') ?? defaultRegion;
  const api = regionField(input, 'apiRegion', 'api_region');
  const profileArn = textField(input, 'profileArn', 'profile_arn');
  if (profileArn !== undefined && arnRegion(profileArn) === null)
    refuse('profileArn', 'not_profile_arn', 'profileArn is not the ARN of a Kiro profile.');
  const fingerprint = hash('sha256', refreshToken, 'hex');
  const secret: KiroSecret = {
    id: fingerprint.slice(0, 32),
    refreshToken,
    region,
    ...clientOf(input, authType),
    ...(api === undefined ? {} : { apiRegion: api }),
    ...(profileArn === undefined ? {} : { profileArn }),
  };
  return { authType, secret: { ...secret }, fingerprint, region };
}

/** The vault's record as our type. Throws UpstreamFailure `invalid_credential` when it is not one of ours. */
export function readSecret(secret: CredentialSecret): KiroSecret {
  const text = (name: string): string | undefined => (typeof secret[name] === 'string' ? secret[name] : undefined);
  const refreshToken = text('refreshToken');
  const region = text('region');
  if (refreshToken === undefined || region === undefined || !isRegion(region)) {
    throw new UpstreamFailure({ kind: 'invalid_credential', message: 'The stored credential is incomplete; donate it again.' });
  }
  return { ...secret, id: text('id') ?? hash('sha256', refreshToken, 'hex').slice(0, 32), refreshToken, region };
}

/** `readSecret` that reads each record once: access hands out the same one for as long as it is cached. */
export function createSecretReader(): (secret: CredentialSecret) => KiroSecret {
  const known = new WeakMap<CredentialSecret, KiroSecret>();
  return (secret) => {
    const read = known.get(secret) ?? readSecret(secret);
    known.set(secret, read);
    return read;
  };
}

/** The auth type as ours. Throws UpstreamFailure `invalid_credential`. */
export function readAuthType(authType: string): KiroAuthType {
  const known = Object.hasOwn(authTypeNames, authType) ? authTypeNames[authType] : undefined;
  if (known === undefined)
    throw new UpstreamFailure({ kind: 'invalid_credential', message: `Kiro knows no credential kind ${authType.slice(0, 40)}.` });
  return known;
}
