/** The environment, read once and validated; the only reader of process.env. All faults are listed together. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { parsePostgresUrl } from './shared/postgresUrl.js';
import { parseRedisUrl } from './shared/redisUrl.js';

const LIMITS = { rpm: 100_000, rph: 1_000_000, concurrent: 10_000, consecutive: 1_000_000, quota: 1_000_000_000, pacing: 60_000 } as const;

interface Variable<S extends z.ZodType = z.ZodType> {
  readonly schema: S;
  /** For the list of faults and the reference page. */
  readonly meaning: string;
  readonly range: string;
  readonly secret?: true;
}

function variable<S extends z.ZodType>(schema: S, meaning: string, range: string): Variable<S> {
  return { schema, meaning, range };
}
function secret(meaning: string, form = 'text'): Variable<z.ZodDefault<z.ZodString>> {
  return { schema: z.string().default(''), meaning, range: `${form}; also from the file named by <NAME>_FILE`, secret: true };
}
/** A secret, since it holds the store's password. A scheme may be in capitals (RFC 3986); from here on it is not. */
const storeUrl = (meaning: string, form: string): Variable<z.ZodPipe<z.ZodDefault<z.ZodString>, z.ZodTransform<string, string>>> => ({
  ...secret(meaning, form),
  schema: z.string().default('').transform(withPlainScheme),
});
const whole = (from: number, to: number, fallback: number, meaning: string) =>
  variable(
    z.preprocess((v) => (typeof v === 'string' && /^-?\d+$/.test(v.trim()) ? Number(v) : v), z.int().min(from).max(to)).default(fallback),
    meaning,
    `whole number from ${from} to ${to}, default ${fallback}`,
  );
const rate = (fallback: number, meaning: string) =>
  variable(
    z.preprocess((v) => (typeof v === 'string' && v.trim() !== '' ? Number(v) : v), z.number().min(0).max(1)).default(fallback),
    meaning,
    `number from 0 to 1, default ${fallback}`,
  );
const text = (fallback: string, meaning: string) =>
  variable(z.string().default(fallback), meaning, fallback ? `text, default ${fallback}` : 'text');
const addresses = (meaning: string, also: RegExp | null = null) =>
  variable(
    z
      .string()
      .default('')
      .transform((v) =>
        v
          .split(',')
          .map((s) => s.trim())
          .filter(Boolean),
      )
      .refine((entries) => entries.every((entry) => isRange(entry) || also?.test(entry) === true), 'an entry is no address or range'),
    meaning,
    `comma-separated addresses or ranges${also ? ' or host names' : ''}, default none`,
  );
const origin = (meaning: string) =>
  variable(
    z.string().default('').refine(isOrigin, 'must be an origin such as https://host[:port]; plain http only for loopback'),
    meaning,
    'origin, default the real service',
  );

/** Where browsers reach us: an origin, plain http allowed, because it names our own site and not one that we trust. */
const ownOrigin = (meaning: string) =>
  variable(
    z
      .string()
      .default('')
      .refine((v) => v === '' || isOrigin(v.replace(/^http:/, 'https:')), 'must be an origin such as https://host[:port]')
      .transform((v) => (v === '' ? '' : new URL(v).origin)),
    meaning,
    'origin such as https://kirogate.example.com, default what the request says',
  );
/** An OpenID issuer: an address with or without a path. */
const issuer = (meaning: string) =>
  variable(
    z.string().default('').refine(isIssuer, 'must be an address such as https://host/path; plain http only for loopback'),
    meaning,
    'https address, default none',
  );

function isIssuer(value: string): boolean {
  if (value === '') return true;
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return isOrigin(url.origin) && !url.search && !url.hash && !url.username;
}

/** A collector's address: plain http is usual within a private network, and what goes there holds no secrets. */
const collector = (meaning: string) =>
  variable(
    z
      .string()
      .default('')
      .refine((v) => v === '' || isIssuer(v.replace(/^http:/, 'https:')), 'must be an address such as http://collector:4318'),
    meaning,
    'http or https address, default none',
  );

/** An address, or a range with as many bits as its family has at most. */
function isRange(entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

function isOrigin(value: string): boolean {
  if (value === '') return true;
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  return (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) && url.pathname === '/' && !url.search && !url.username;
}

/** Every variable with its meaning and range; the reference page and the list of faults derive from this table. */
export const variables = {
  PORT: whole(0, 65_535, 8000, 'TCP port to listen on; 0 lets the system choose'),
  HOST: text('0.0.0.0', 'address to listen on'),
  DATA_DIR: text('./data', 'folder for the database, generated secrets and journals'),
  LOG_LEVEL: variable(
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    'least level to log',
    'pino level, default info',
  ),
  NODE_ID: variable(
    z
      .string()
      .regex(/^[A-Za-z0-9._-]{0,64}$/)
      .default(''),
    'name of this node; generated when empty',
    'up to 64 letters, digits, . _ -',
  ),
  SHUTDOWN_TIMEOUT_SECONDS: whole(0, 3600, 30, 'how long running requests may finish after SIGTERM'),
  SHUTDOWN_GRACE_SECONDS: whole(0, 600, 2, 'how long new requests are still served after SIGTERM'),
  STARTUP_TIMEOUT_SECONDS: whole(1, 3600, 60, 'how long a store out of reach is retried at start'),
  DATABASE_URL: storeUrl(
    'the database; empty = an SQLite file in DATA_DIR',
    'sqlite:///relative.db, sqlite:////absolute.db, postgresql://user:password@host:port/database or postgres://…',
  ),
  REDIS_URL: storeUrl(
    'the Redis that all nodes share; empty for a single node',
    'redis://user:password@host:port/number, rediss://… or redis+sentinel://host:port,host:port/master/number',
  ),
  DB_POOL_SIZE: whole(1, 1000, 20, 'database connections kept'),
  DB_MAX_OVERFLOW: whole(0, 1000, 10, 'further database connections under load'),
  REDIS_MAX_CONNECTIONS: whole(3, 10_000, 50, 'most Redis connections of this node'),
  EVENT_PARTITIONS: whole(1, 256, 8, 'partitions of the event log; fixed at the first migration'),
  EVENT_RETENTION_HOURS: whole(1, 8760, 24, 'hours that archived events stay in Redis'),
  TOKEN_RPM_LIMIT: whole(1, LIMITS.rpm, 10, 'calls per upstream token in any 60 s'),
  TOKEN_RPH_LIMIT: whole(1, LIMITS.rph, 200, 'calls per upstream token in any 3600 s'),
  TOKEN_MAX_CONCURRENT: whole(1, LIMITS.concurrent, 2, 'calls in flight per upstream token'),
  TOKEN_MAX_CONSECUTIVE_USES: whole(1, LIMITS.consecutive, 5, 'uses of one token in a row while another is usable'),
  TOKEN_PACING_MIN_MS: whole(0, LIMITS.pacing, 500, 'least wait before an upstream call, ms; 0 = off'),
  TOKEN_PACING_MAX_MS: whole(0, LIMITS.pacing, 3000, 'longest wait before an upstream call, ms; 0 = off'),
  TOKEN_RISK_THRESHOLD: rate(0.7, 'risk score above which a token is high risk'),
  TOKEN_MIN_SUCCESS_RATE: rate(0.7, 'success rate under which a token scores half'),
  TOKEN_HEALTH_CHECK_INTERVAL: whole(1, 86_400, 3600, 'seconds between health checks of a token'),
  DEFAULT_USER_DAILY_QUOTA: whole(0, LIMITS.quota, 500, 'requests per user and UTC day'),
  DEFAULT_USER_MONTHLY_QUOTA: whole(0, LIMITS.quota, 10_000, 'requests per user and UTC month'),
  DEFAULT_KEY_RPM_LIMIT: whole(1, LIMITS.rpm, 30, 'requests per key in any 60 s'),
  ADMIN_PASSWORD: secret('password of the admin panel; generated at the first start of a single node'),
  ADMIN_SECRET_KEY: secret('signs admin sessions'),
  ADMIN_SECRET_KEY_PREVIOUS: secret('accepted beside ADMIN_SECRET_KEY during rotation'),
  USER_SESSION_SECRET: secret('signs member sessions'),
  USER_SESSION_SECRET_PREVIOUS: secret('accepted beside USER_SESSION_SECRET during rotation'),
  TOKEN_ENCRYPT_KEY: secret('encrypts upstream credentials at rest'),
  TOKEN_ENCRYPT_KEY_PREVIOUS: secret('still opens what it sealed, during rotation'),
  OLD_TOKEN_ENCRYPT_KEY: secret('TOKEN_ENCRYPT_KEY of an old KiroGate, for kirogate import'),
  IMPORT_DIR: text('', 'folder on the server, besides DATA_DIR, from which the panel may import a database'),
  ADMIN_API_KEY: secret('bearer key of scripts for the admin API; empty = none'),
  PROXY_API_KEY: secret("the operator's own key for /v1; empty = none"),
  METRICS_TOKEN: secret('bearer token that /metrics asks for; empty = open'),
  OTEL_EXPORTER_OTLP_ENDPOINT: collector('OpenTelemetry collector (OTLP over HTTP) that gets the traces; empty = none are made'),
  OTEL_EXPORTER_OTLP_HEADERS: secret('name=value,… sent to that collector'),
  OTEL_SERVICE_NAME: text('kirogate', 'name of the service in traces'),
  PUBLIC_URL: ownOrigin('where browsers reach this site; part of the address that GitHub and OIDC issuers send them back to'),
  GITHUB_CLIENT_ID: text('', 'OAuth app of the GitHub sign-in; empty = no such button'),
  GITHUB_CLIENT_SECRET: secret('secret of that OAuth app'),
  GITHUB_URL: origin('replaces https://github.com, for GitHub Enterprise'),
  GITHUB_API_URL: origin('replaces https://api.github.com'),
  OIDC_ISSUER: issuer('OpenID issuer of the second sign-in button; empty = no such button'),
  OIDC_CLIENT_ID: text('', 'client id at that issuer'),
  OIDC_CLIENT_SECRET: secret('client secret at that issuer'),
  OIDC_NAME: variable(
    z.string().trim().min(1).max(50).default('OIDC'),
    'what the OIDC sign-in button is called',
    'up to 50 characters, default OIDC',
  ),
  TRUSTED_PROXIES: addresses('addresses or ranges whose X-Forwarded-For counts'),
  KIRO_REGION: variable(
    z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/)
      .default('us-east-1'),
    'region of Kiro credentials that name none',
    'AWS region, default us-east-1',
  ),
  KIRO_AUTH_URL: origin('replaces the origin of the Kiro desktop sign-in service'),
  KIRO_OIDC_URL: origin('replaces the origin of AWS OIDC'),
  KIRO_API_URL: origin('replaces the origin of the Kiro runtime'),
  KIRO_MANAGEMENT_URL: origin('replaces the origin of the Kiro management service'),
  KIRO_CLIENT_IDENTITY: variable(
    z
      .string()
      .regex(/^[\x20-\x7e]{1,200}$/)
      .default('KiroGate'),
    'user agent shown to the upstream',
    'printable text, default KiroGate',
  ),
  UPSTREAM_MAX_ATTEMPTS: whole(1, 10, 3, 'upstream calls for one request, all tokens together'),
  UPSTREAM_FIRST_BYTE_TIMEOUT_MS: whole(100, 3_600_000, 120_000, 'wait for the first byte of an upstream, ms'),
  UPSTREAM_ALLOWED_PRIVATE: addresses('private hosts or ranges that an upstream base URL may name', /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i),
} as const satisfies Record<string, Variable>;

type Variables = typeof variables;
export type Environment = { readonly [K in keyof Variables]: z.output<Variables[K]['schema']> };

export interface Config extends Environment {
  readonly mode: 'single' | 'distributed';
  /** File of the SQLite database; only in single mode. */
  readonly sqlitePath: string;
}

/** Bad configuration; the process ends with code 78 (EX_CONFIG). `faults` name variables, never values of secrets. */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((f) => `  - ${f}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** Published sample values that must never protect anything. */
const samples = /^(admin|password|secret|changeme|123456|kirogate|admin123)$|change[-_]?me|example|_token_encrypt_key_32b|your[-_ ]/i;

/** Distributed exactly when the database is PostgreSQL and Redis is named (contract §2). */
export function isDistributed(databaseUrl: string, redisUrl: string): boolean {
  return databaseUrl.startsWith('postgres') && redisUrl !== '';
}

/** Path of a `sqlite:` URL: three slashes are relative to the working directory, four absolute. */
export function sqlitePathOf(url: string): string | null {
  const match = /^sqlite:\/\/(.*)$/.exec(url);
  if (!match?.[1]) return null;
  const path = match[1].startsWith('//') ? match[1].slice(1) : match[1].replace(/^\//, '');
  return path === '' ? null : path;
}

function withPlainScheme(url: string): string {
  return url.replace(/^[a-z][a-z0-9+.-]*:/i, (scheme) => scheme.toLowerCase());
}

function withSecretFiles(env: NodeJS.ProcessEnv, faults: string[]): Record<string, string | undefined> {
  const read: Record<string, string | undefined> = {};
  for (const [name, one] of Object.entries(variables) as [string, Variable][]) {
    // An empty variable is an unset one: compose files pass `X=${X:-}`.
    const value = env[name] === '' ? undefined : env[name];
    read[name] = value;
    const file = one.secret ? env[`${name}_FILE`] : undefined;
    if (!file) continue;
    if (value !== undefined) {
      faults.push(`${name} and ${name}_FILE are both set; keep one`);
      continue;
    }
    try {
      read[name] = readFileSync(file, 'utf8').trim();
    } catch (error) {
      faults.push(`${name}_FILE: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'} at ${file}`);
    }
  }
  return read;
}

/** DATABASE_URL alone, also from its file, for who needs nothing else of the environment. Throws ConfigError. */
export function databaseUrlOf(env: NodeJS.ProcessEnv): string {
  const faults: string[] = [];
  const { DATABASE_URL = '' } = withSecretFiles({ DATABASE_URL: env['DATABASE_URL'], DATABASE_URL_FILE: env['DATABASE_URL_FILE'] }, faults);
  const url = withPlainScheme(DATABASE_URL);
  if (url.startsWith('postgres')) addressCheck('DATABASE_URL', () => parsePostgresUrl(url), faults);
  if (faults.length > 0) throw new ConfigError(faults);
  return url;
}

/** Does the environment say something of this setting, or does its default stand? */
export function isGiven(env: NodeJS.ProcessEnv, name: keyof Variables): boolean {
  return (env[name] ?? '') !== '';
}

function defaults(): Record<string, unknown> {
  return Object.fromEntries(Object.entries(variables).map(([name, one]) => [name, (one.schema as z.ZodType).parse(undefined)]));
}

/** Says what of an address is none; `read` throws what does not show the password. */
function addressCheck(name: 'DATABASE_URL' | 'REDIS_URL', read: () => unknown, faults: string[]): void {
  try {
    read();
  } catch (error) {
    const { meaning, range } = variables[name];
    faults.push(`${name} (${meaning}): ${error instanceof Error ? error.message : 'no address'}; expected ${range}`);
  }
}

function noAddress(): never {
  throw new Error('neither a sqlite:// nor a postgresql:// address');
}

function crossChecks(env: Environment, faults: string[]): void {
  const postgres = env.DATABASE_URL.startsWith('postgres');
  const sqlite = env.DATABASE_URL === '' || sqlitePathOf(env.DATABASE_URL) !== null;
  if (postgres) addressCheck('DATABASE_URL', () => parsePostgresUrl(env.DATABASE_URL), faults);
  else if (!sqlite) addressCheck('DATABASE_URL', noAddress, faults);
  if (env.REDIS_URL !== '') addressCheck('REDIS_URL', () => parseRedisUrl(env.REDIS_URL), faults);
  if (postgres && env.REDIS_URL === '')
    faults.push('REDIS_URL is missing: PostgreSQL needs Redis beside it, or use SQLite for a single node');
  if (sqlite && env.REDIS_URL !== '')
    faults.push('DATABASE_URL is not PostgreSQL: Redis needs PostgreSQL beside it, or leave REDIS_URL empty for a single node');
  if (env.TOKEN_PACING_MIN_MS > env.TOKEN_PACING_MAX_MS) faults.push('TOKEN_PACING_MIN_MS is above TOKEN_PACING_MAX_MS');
  for (const group of [
    ['GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET'],
    ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'],
  ] as const) {
    const missing = group.filter((name) => env[name] === '');
    if (missing.length > 0 && missing.length < group.length)
      faults.push(`${missing.join(' and ')} missing: ${group.join(', ')} go together`);
  }
  if (!isDistributed(env.DATABASE_URL, env.REDIS_URL)) return;
  for (const name of ['ADMIN_SECRET_KEY', 'USER_SESSION_SECRET', 'TOKEN_ENCRYPT_KEY'] as const) {
    const value = env[name];
    if (value.length < 16) faults.push(`${name} (${variables[name].meaning}): several nodes need the same value of at least 16 characters`);
    else if (samples.test(value)) faults.push(`${name} (${variables[name].meaning}): is a published sample value`);
  }
  if (env.ADMIN_PASSWORD === '' || samples.test(env.ADMIN_PASSWORD))
    faults.push(`ADMIN_PASSWORD (${variables.ADMIN_PASSWORD.meaning}): must be set, and to no sample value`);
}

/**
 * Reads and checks the environment. Throws ConfigError with every fault at once; values of secrets never
 * appear in it.
 */
export function loadConfig(env: NodeJS.ProcessEnv, cwd: string = process.cwd()): Config {
  const faults: string[] = [];
  const raw = withSecretFiles(env, faults);
  const parsed: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(variables) as [string, Variable][]) {
    const result = one.schema.safeParse(raw[name]);
    if (result.success) parsed[name] = result.data;
    else faults.push(`${name} (${one.meaning}): expected ${one.range}${one.secret ? '' : `, got ${JSON.stringify(raw[name])}`}`);
  }
  // What could not be read stands at its default, so that the checks across variables find the rest of the faults.
  crossChecks({ ...defaults(), ...parsed } as Environment, faults);
  if (faults.length > 0) throw new ConfigError(faults);
  const environment = parsed as unknown as Environment;
  const dataDir = resolve(cwd, environment.DATA_DIR);
  const fromUrl = sqlitePathOf(environment.DATABASE_URL);
  return {
    ...environment,
    DATA_DIR: dataDir,
    mode: isDistributed(environment.DATABASE_URL, environment.REDIS_URL) ? 'distributed' : 'single',
    sqlitePath: fromUrl === null ? join(dataDir, 'kirogate.db') : isAbsolute(fromUrl) ? fromUrl : resolve(cwd, fromUrl),
  };
}
