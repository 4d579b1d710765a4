/** Speaks OAuth and OpenID Connect with a provider: sends browsers there, and learns from their return who they are. */
import * as client from 'openid-client';
import { z } from 'zod';
import type { GithubOptions, OidcOptions } from './options.js';

/** Who the provider says somebody is. */
export interface Person {
  /** Stable at this provider. */
  readonly subject: string;
  /** The provider's own address: a subject means nothing without it. */
  readonly issuer: string;
  /** Verified by the provider; null: none that is. */
  readonly email: string | null;
  readonly username: string;
}

export interface Trip {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface Provider {
  /** Where to send the browser. */
  start(trip: Trip, redirectUri: string): Promise<URL>;
  /** `returned`: our callback's address with what the provider put behind it. Throws what openid-client throws. */
  finish(trip: Trip, returned: URL): Promise<Person>;
}

const TIMEOUT_SECONDS = 10;

const isPlain = (address: string): boolean => new URL(address).protocol === 'http:';

async function startOf(config: client.Configuration, trip: Trip, parameters: Record<string, string>): Promise<URL> {
  return client.buildAuthorizationUrl(config, {
    ...parameters,
    response_type: 'code',
    state: trip.state,
    code_challenge: await client.calculatePKCECodeChallenge(trip.verifier),
    code_challenge_method: 'S256',
  });
}

const githubUser = z.object({ id: z.number(), login: z.string().min(1) });
const githubEmails = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

/** GitHub is OAuth without OpenID: who it is stands in its API. */
export function createGithub({ clientId, clientSecret, url, apiUrl }: GithubOptions): Provider {
  const metadata = {
    issuer: url,
    authorization_endpoint: `${url}/login/oauth/authorize`,
    token_endpoint: `${url}/login/oauth/access_token`,
  };
  const config = new client.Configuration(metadata, clientId, clientSecret);
  config.timeout = TIMEOUT_SECONDS;
  // Settings allow plain http towards loopback only.
  if (isPlain(url) || isPlain(apiUrl)) client.allowInsecureRequests(config);
  const headers = new Headers({ accept: 'application/vnd.github+json', 'user-agent': 'KiroGate' });
  const read = async (accessToken: string, path: string): Promise<unknown> => {
    const response = await client.fetchProtectedResource(config, accessToken, new URL(`${apiUrl}${path}`), 'GET', null, headers);
    if (!response.ok) throw new Error(`GitHub answered ${path} with ${response.status}`);
    return response.json();
  };
  return {
    start: (trip, redirectUri) => startOf(config, trip, { redirect_uri: redirectUri, scope: 'read:user user:email' }),
    async finish(trip, returned) {
      // Not always GitHub's own address: the state is what ties the answer to the question.
      returned.searchParams.delete('iss');
      const tokens = await client.authorizationCodeGrant(config, returned, { expectedState: trip.state, pkceCodeVerifier: trip.verifier });
      const user = githubUser.parse(await read(tokens.access_token, '/user'));
      const emails = githubEmails.parse(await read(tokens.access_token, '/user/emails'));
      const email = emails.find((one) => one.primary && one.verified)?.email ?? null;
      return { subject: String(user.id), issuer: url, email, username: user.login };
    },
  };
}

const claimsSchema = z.object({
  sub: z.string().min(1),
  email: z.string().optional(),
  email_verified: z.union([z.boolean(), z.string()]).optional(),
  preferred_username: z.string().optional(),
  nickname: z.string().optional(),
  name: z.string().optional(),
});

/** How long an issuer's description is taken for true. */
const DESCRIPTION_MS = 3_600_000;

export function createOidc(options: OidcOptions, deps: { readonly monotonic: () => number }): Provider {
  let known: { readonly config: Promise<client.Configuration>; readonly until: number } | undefined;
  const describe = (): Promise<client.Configuration> => {
    if (known === undefined || known.until <= deps.monotonic()) {
      const config = discover(options);
      const mine = { config, until: deps.monotonic() + DESCRIPTION_MS };
      known = mine;
      // An issuer that was down is asked again by the next one who comes.
      config.catch(() => {
        if (known === mine) known = undefined;
      });
    }
    return known.config;
  };
  return {
    async start(trip, redirectUri) {
      return startOf(await describe(), trip, { redirect_uri: redirectUri, scope: 'openid profile email', nonce: trip.nonce });
    },
    async finish(trip, returned) {
      const config = await describe();
      const checks = { expectedState: trip.state, expectedNonce: trip.nonce, pkceCodeVerifier: trip.verifier, idTokenExpected: true };
      const tokens = await client.authorizationCodeGrant(config, returned, checks);
      const own = claimsSchema.parse(tokens.claims());
      // Many issuers tell address and name only there.
      const more =
        own.email === undefined && config.serverMetadata().userinfo_endpoint !== undefined
          ? claimsSchema.parse(await client.fetchUserInfo(config, tokens.access_token, own.sub))
          : {};
      return personOf({ ...own, ...more }, config.serverMetadata().issuer);
    },
  };
}

async function discover({ issuer, clientId, clientSecret }: OidcOptions): Promise<client.Configuration> {
  const plain = isPlain(issuer) ? [client.allowInsecureRequests] : [];
  const found = await client.discovery(new URL(issuer), clientId, clientSecret, undefined, { execute: plain, timeout: TIMEOUT_SECONDS });
  const metadata = found.serverMetadata();
  // What an issuer does not say is `client_secret_basic` (OpenID Connect Discovery 1.0 §3).
  const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const auth = methods.includes('client_secret_basic') ? client.ClientSecretBasic(clientSecret) : client.ClientSecretPost(clientSecret);
  const config = new client.Configuration(metadata, clientId, clientSecret, auth);
  config.timeout = TIMEOUT_SECONDS;
  for (const each of plain) each(config);
  return config;
}

function personOf(claims: z.output<typeof claimsSchema>, issuer: string): Person {
  const verified = claims.email_verified === true || claims.email_verified === 'true';
  const username =
    claims.preferred_username ?? claims.nickname ?? claims.name ?? (verified ? claims.email?.split('@')[0] : undefined) ?? 'member';
  return { subject: claims.sub, issuer, email: verified ? (claims.email ?? null) : null, username };
}
