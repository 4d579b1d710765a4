/** A GitHub and an OpenID issuer on loopback, as far as a sign-in needs them: real codes, PKCE, signed ID tokens. */
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const clientId = 'kirogate-test';
export const clientSecret = 'a client secret for tests only';

export interface StandIn {
  readonly url: string;
  /** Who says yes at the next visit. */
  person: Record<string, unknown>;
  /** GitHub: what `/user/emails` answers. */
  emails: readonly { readonly email: string; readonly primary: boolean; readonly verified: boolean }[];
  /** Lays hands on the next ID token's claims. */
  twist: (claims: Record<string, unknown>) => Record<string, unknown>;
  /** Answers everything with 500. */
  down: boolean;
  /** What the browser does at the provider: the address it is sent back to. */
  visit(authorizationUrl: string): URL;
  close(): Promise<void>;
}

interface Grant {
  readonly challenge: string;
  readonly nonce: string | null;
  readonly redirectUri: string;
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export async function startStandIn(): Promise<StandIn> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const grants = new Map<string, Grant>();
  const server: Server = createServer((req, res) => void answer(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const standIn: StandIn = {
    url,
    person: { sub: 's1' },
    emails: [],
    twist: (claims) => claims,
    down: false,
    visit(authorizationUrl) {
      const asked = new URL(authorizationUrl).searchParams;
      const code = randomBytes(12).toString('hex');
      grants.set(code, {
        challenge: asked.get('code_challenge') ?? '',
        nonce: asked.get('nonce'),
        redirectUri: asked.get('redirect_uri') ?? '',
      });
      const back = new URL(asked.get('redirect_uri') ?? '');
      back.searchParams.set('code', code);
      back.searchParams.set('state', asked.get('state') ?? '');
      return back;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = (req.url ?? '').split('?')[0];
    const send = (status: number, body: unknown): void =>
      void res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (standIn.down) return send(500, { error: 'down' });
    if (path === '/.well-known/openid-configuration') return send(200, description(url));
    if (path === '/jwks') return send(200, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }] });
    if (path === '/user') return send(200, standIn.person);
    if (path === '/user/emails') return send(200, standIn.emails);
    if (path === '/userinfo') return send(200, standIn.person);
    if (path === '/token' || path === '/login/oauth/access_token') {
      const form = new URLSearchParams(await textOf(req));
      const grant = grants.get(form.get('code') ?? '');
      grants.delete(form.get('code') ?? '');
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      const known = grant !== undefined && grant.challenge === challenge && grant.redirectUri === form.get('redirect_uri');
      if (!known || !authenticated(req, form))
        return send(path === '/token' ? 400 : 200, { error: 'invalid_grant', error_description: 'no' });
      const tokens = { access_token: 'upstream-access-token', token_type: 'bearer', scope: 'x' };
      return send(200, path === '/token' ? { ...tokens, id_token: idToken(grant.nonce) } : tokens);
    }
    send(404, {});
  }

  function idToken(nonce: string | null): string {
    const now = Math.floor(Date.now() / 1_000);
    const { sub } = standIn.person;
    const claims = standIn.twist({ iss: url, aud: clientId, iat: now, exp: now + 300, nonce, sub });
    const head = `${base64url({ alg: 'RS256', kid: 'k1', typ: 'JWT' })}.${base64url(claims)}`;
    return `${head}.${createSign('sha256').update(head).sign(privateKey).toString('base64url')}`;
  }

  return standIn;
}

function description(url: string): Record<string, unknown> {
  return {
    issuer: url,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    jwks_uri: `${url}/jwks`,
    userinfo_endpoint: `${url}/userinfo`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}

/** `client_secret_basic` (RFC 6749 §2.3.1: both parts form-encoded) or `client_secret_post`. */
function authenticated(req: IncomingMessage, form: URLSearchParams): boolean {
  const plain = Buffer.from((req.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString('utf8');
  const [id, secret] = plain.split(':').map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
  const basic = id === clientId && secret === clientSecret;
  return basic || (form.get('client_id') === clientId && form.get('client_secret') === clientSecret);
}

async function textOf(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of req) text += String(chunk);
  return text;
}
