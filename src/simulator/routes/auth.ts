/** The two refresh endpoints: the desktop one for social logins, OIDC for IdC and Builder ID (kiro-protocol B2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { oauthRefused, Refusal, socialRefreshRefused } from '../refusals.js';
import type { Service } from '../service.js';
import { isObject } from '../validate/shape.js';
import { pause } from '../wire/write.js';
import { followResponse, parseJson, readBody, sendJson, sendRefusal } from './http.js';

type Answer = { readonly body: Record<string, unknown> };

/** Region of an auth host such as `oidc.eu-west-1.amazonaws.com`; null for an address. */
function authRegion(host: string | undefined): string | null {
  return /^(?:prod|oidc)\.([a-z]{2}(?:-[a-z]+)+-\d)\./.exec(host ?? '')?.[1] ?? null;
}

function readFields(req: IncomingMessage, raw: Buffer): Readonly<Record<string, unknown>> | null {
  if (!/^application\/json\b/i.test(req.headers['content-type'] ?? '')) return null;
  const body = parseJson(raw);
  return isObject(body) ? body : null;
}

function social(service: Service, fields: Readonly<Record<string, unknown>> | null): Answer {
  const token = fields?.refreshToken;
  if (typeof token !== 'string') {
    throw new Refusal({ status: 400, message: 'Invalid request body', type: 'BadRequestException', rule: 'refresh.fields' });
  }
  const { credential, issued } = service.credentials.refresh(token);
  return { body: { ...issued, profileArn: credential.profileArn } };
}

function oidc(service: Service, fields: Readonly<Record<string, unknown>> | null): Answer {
  const { clientId, clientSecret, grantType, refreshToken, scope } = fields ?? {};
  const known = [clientId, clientSecret, refreshToken].every((value) => typeof value === 'string' && value !== '');
  if (!known || scope !== undefined) throw oauthRefused(400, 'invalid_request', 'Invalid request', 'refresh.fields');
  if (grantType !== 'refresh_token') throw oauthRefused(400, 'unsupported_grant_type', 'Unsupported grant type', 'refresh.grant');
  const client = { id: String(clientId), secret: String(clientSecret) };
  const { issued } = service.credentials.refresh(String(refreshToken), client);
  return { body: { ...issued, tokenType: 'Bearer' } };
}

/** Handles `POST /refreshToken` and `POST /token`. */
export async function handleRefresh(
  service: Service,
  req: IncomingMessage,
  res: ServerResponse,
  endpoint: 'social' | 'oidc',
): Promise<void> {
  const raw = await readBody(req);
  if (raw === null) return;
  let fields: Readonly<Record<string, unknown>> | null = null;
  let fault: unknown = null;
  try {
    fields = readFields(req, raw);
  } catch (error) {
    fault = error;
  }
  const token = fields?.refreshToken;
  const owner = typeof token === 'string' ? service.credentials.ownerOfRefreshToken(token) : undefined;
  const visit = service.witness.arrive({ operation: 'refresh', credential: owner?.id ?? null, invocationId: null });
  followResponse(res, visit);
  await pause(res, service.settings().refreshDelayMs);
  try {
    if (fault !== null) throw fault;
    const region = authRegion(req.headers.host);
    if (region !== null && owner && region !== owner.authRegion) {
      throw endpoint === 'social'
        ? socialRefreshRefused()
        : oauthRefused(401, 'invalid_client', 'Invalid client provided', 'refresh.region');
    }
    // A client that left while we waited must not rotate its token unseen.
    if (!res.closed) sendJson(res, 200, (endpoint === 'social' ? social : oidc)(service, fields).body);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    visit.record.rule = error.detail.rule;
    sendRefusal(res, error);
  }
}
