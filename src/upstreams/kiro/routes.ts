/** Where and how each credential kind speaks to Kiro: hosts, dialects, profile rule and headers as one table (kiro-protocol B1, B3, B4). */
import type { KiroSecret } from './credentials.js';
import type { RouteMemory } from './routeMemory.js';

export type KiroAuthType = 'social' | 'idc' | 'builder_id';

/** `json`: `POST /generateAssistantResponse`. `aws_json`: `POST /` with an `x-amz-target`. */
export type WireDialect = 'json' | 'aws_json';

/** `own`: the credential's. `shared`: the well-known one of all social logins. `service`: the service's own stand-in. `none`: no field. */
export type ArnForm = 'own' | 'shared' | 'service' | 'none';

export interface Attempt {
  readonly dialect: WireDialect;
  readonly host: 'q' | 'runtime';
  readonly arn: ArnForm;
}

interface KindRules {
  /** Tried in this order; what worked last for a credential goes first. */
  readonly attempts: readonly Attempt[];
  /** Must the profile ARN be asked for when neither donor nor refresh gave one? */
  readonly discoverProfile: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The order follows the reported matrix of B3: social and its ARN work on kiro.dev; OIDC tokens with an ARN
 * got 403 there in May 2026 but work on the q host; Builder ID owns no ARN and works on the q host without.
 */
export const kindRules: Readonly<Record<KiroAuthType, KindRules>> = {
  social: {
    attempts: [
      { dialect: 'aws_json', host: 'runtime', arn: 'own' },
      { dialect: 'aws_json', host: 'runtime', arn: 'shared' },
      { dialect: 'json', host: 'q', arn: 'own' },
      { dialect: 'json', host: 'q', arn: 'shared' },
    ],
    discoverProfile: false,
    headers: {},
  },
  idc: {
    attempts: [
      { dialect: 'json', host: 'q', arn: 'own' },
      { dialect: 'aws_json', host: 'runtime', arn: 'own' },
      { dialect: 'json', host: 'q', arn: 'none' },
    ],
    discoverProfile: true,
    headers: {},
  },
  builder_id: {
    attempts: [
      { dialect: 'json', host: 'q', arn: 'own' },
      { dialect: 'json', host: 'q', arn: 'none' },
      { dialect: 'aws_json', host: 'runtime', arn: 'service' },
    ],
    discoverProfile: false,
    headers: {},
  },
};

/** Both are published by the service's own clients, never taken from an account (B4). */
const wellKnownArns = {
  shared: 'arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK',
  service: 'arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX',
} as const;

/** Regions that serve the API; a token may be minted in any other (B3). */
const servedRegions = new Set(['us-east-1', 'eu-central-1', 'us-gov-east-1', 'us-gov-west-1']);

const regionPattern = /^[a-z]{2,3}(?:-[a-z]{2,12}){1,3}-\d{1,2}$/;
const arnPattern = /^arn:aws[a-z-]{0,12}:codewhisperer:([a-z0-9-]{5,30}):\d{0,12}:profile\/[\w-]{1,128}$/;

/** Region strings end up in host names, so nothing but a region's shape may pass. */
export function isRegion(value: string): boolean {
  return value.length <= 30 && regionPattern.test(value);
}

/** The region inside a profile ARN, or null when it is not one. */
export function arnRegion(arn: string): string | null {
  const region = arnPattern.exec(arn)?.[1];
  return region !== undefined && isRegion(region) ? region : null;
}

export interface Origins {
  /** Default region for credentials that name none. */
  readonly region: string;
  /** Each, when set, replaces its origin for every region and host form. */
  readonly authUrl?: string | undefined;
  readonly oidcUrl?: string | undefined;
  readonly apiUrl?: string | undefined;
  readonly managementUrl?: string | undefined;
}

const bare = (url: string): string => (url.endsWith('/') ? url.replace(/\/+$/, '') : url);

/** Where a social refresh token is exchanged. */
export function authOrigin(origins: Origins, region: string): string {
  return origins.authUrl ? bare(origins.authUrl) : `https://prod.${region}.auth.desktop.kiro.dev`;
}

/** Where an OIDC refresh token is exchanged: the region of the sign-in, not of the API. */
export function oidcOrigin(origins: Origins, region: string): string {
  return origins.oidcUrl ? bare(origins.oidcUrl) : `https://oidc.${region}.amazonaws.com`;
}

export function apiOrigin(origins: Origins, host: Attempt['host'], region: string): string {
  if (origins.apiUrl) return bare(origins.apiUrl);
  return host === 'q' ? `https://q.${region}.amazonaws.com` : `https://runtime.${region}.kiro.dev`;
}

export function managementOrigin(origins: Origins, region: string): string {
  return origins.managementUrl ? bare(origins.managementUrl) : `https://management.${region}.kiro.dev`;
}

/** Region of API calls: the donor's word, else the ARN's, else the sign-in region if it is served, else us-east-1 (B3). */
export function apiRegion(secret: KiroSecret, arn: string | undefined): string {
  if (secret.apiRegion) return secret.apiRegion;
  const fromArn = arn === undefined ? null : arnRegion(arn);
  if (fromArn) return fromArn;
  return servedRegions.has(secret.region) ? secret.region : 'us-east-1';
}

/** Regions to ask for profiles in: Europe first for sign-ins of Europe, the Middle East and Africa (B4). */
export function discoveryRegions(authRegion: string): readonly string[] {
  const served = /^(?:eu|me|af|il)-/.test(authRegion) ? ['eu-central-1', 'us-east-1'] : ['us-east-1', 'eu-central-1'];
  return served.includes(authRegion) ? served : [...served, authRegion];
}

/** One attempt made concrete. */
export interface Route {
  /** Names the row: dialect, host and ARN form. */
  readonly name: string;
  readonly dialect: WireDialect;
  readonly arnForm: ArnForm;
  readonly origin: string;
  readonly path: string;
  readonly profileArn: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** `conversationState`'s word for who asks. */
  readonly messageOrigin: 'AI_EDITOR' | 'KIRO_CLI';
}

const dialectForms = {
  json: {
    path: '/generateAssistantResponse',
    messageOrigin: 'AI_EDITOR',
    headers: { 'content-type': 'application/json', 'x-amzn-kiro-agent-mode': 'vibe' },
  },
  aws_json: {
    path: '/',
    messageOrigin: 'KIRO_CLI',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'AmazonCodeWhispererStreamingService.GenerateAssistantResponse',
    },
  },
} as const;

export const routeName = (attempt: Attempt): string => `${attempt.dialect}@${attempt.host}/${attempt.arn}`;

/**
 * The routes to try for one call, best first. `ownArn` is what donor, refresh or discovery gave. Rows that need
 * an ARN nobody gave are left out, and so is the shared one where an own one exists: an account has one profile.
 */
export function routesFor(options: {
  readonly authType: KiroAuthType;
  readonly secret: KiroSecret;
  readonly ownArn: string | undefined;
  /** The model is refused without an ARN: rows without one go last, which saves a send that cannot succeed. */
  readonly needsProfile: boolean;
  readonly origins: Origins;
  readonly memory: RouteMemory;
}): readonly Route[] {
  const { authType, secret, ownArn, origins } = options;
  const rules = kindRules[authType];
  const possible = rules.attempts.filter((attempt) =>
    attempt.arn === 'own' ? ownArn !== undefined : attempt.arn !== 'shared' || ownArn === undefined,
  );
  const ranked = possible.map((attempt) => {
    const name = routeName(attempt);
    const last = options.needsProfile && attempt.arn === 'none';
    return { attempt, name, rank: last ? Number.MAX_SAFE_INTEGER : options.memory.rank(secret.id, name) };
  });
  ranked.sort((a, b) => a.rank - b.rank);
  return ranked.map(({ attempt, name }) => {
    const arn = attempt.arn === 'none' ? undefined : attempt.arn === 'own' ? ownArn : wellKnownArns[attempt.arn];
    const form = dialectForms[attempt.dialect];
    return {
      name,
      dialect: attempt.dialect,
      arnForm: attempt.arn,
      origin: apiOrigin(origins, attempt.host, apiRegion(secret, arn)),
      path: form.path,
      profileArn: arn,
      headers: { ...form.headers, ...rules.headers },
      messageOrigin: form.messageOrigin,
    };
  });
}
