/** Which request goes where: refresh endpoints, both wire dialects, the management calls and `/_sim`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readRoute } from '../profile.js';
import { bearerInvalid, Refusal, suspended, unknownOperation } from '../refusals.js';
import type { Service } from '../service.js';
import { isObject } from '../validate/shape.js';
import type { Operation } from '../witness.js';
import { handleRefresh } from './auth.js';
import { handleControl } from './control.js';
import { handleGenerate } from './generate.js';
import { bearerOf, followResponse, headerOf, parseJson, readBody, sendJson, sendRefusal, type Target } from './http.js';
import { listModels, listProfiles, type ManagementQuery, usageLimits } from './management.js';

type ManagementOperation = Exclude<Operation, 'generate' | 'refresh'>;

/** `x-amz-target` → operation; the service part of the name is not looked at. */
const targets: Readonly<Record<string, 'generate' | ManagementOperation>> = {
  generateassistantresponse: 'generate',
  listavailableprofiles: 'listProfiles',
  listavailablemodels: 'listModels',
  getusagelimits: 'usageLimits',
};

function readQuery(req: IncomingMessage, url: Target, raw: Buffer): ManagementQuery {
  const body = raw.length === 0 ? {} : parseJson(raw);
  const fields = isObject(body) ? body : {};
  const text = (name: string): string | null => {
    const value = fields[name] ?? url.searchParams.get(name);
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const most = Number(fields.maxResults ?? url.searchParams.get('maxResults') ?? Number.NaN);
  return {
    profileArn: text('profileArn') ?? headerOf(req, 'x-amzn-kiro-profile-arn'),
    maxResults: Number.isInteger(most) ? most : null,
    nextToken: text('nextToken'),
  };
}

async function handleManagement(
  service: Service,
  req: IncomingMessage,
  res: ServerResponse,
  url: Target,
  operation: ManagementOperation,
): Promise<void> {
  const bearer = bearerOf(req) ?? '';
  const caller = service.credentials.ownerOfAccessToken(bearer);
  const visit = service.witness.arrive({ operation, credential: caller?.id ?? null, invocationId: headerOf(req, 'amz-sdk-invocation-id') });
  followResponse(res, visit);
  try {
    const raw = await readBody(req);
    if (raw === null) return;
    if (bearer === '') throw bearerInvalid('bearer.missing');
    const credential = service.credentials.authenticate(bearer);
    if (credential.suspended) throw suspended(credential.userId);
    const route = readRoute(req.headers.host, url.pathname === '/' ? 'root' : 'ide');
    const query = readQuery(req, url, raw);
    if (operation === 'listProfiles') sendJson(res, 200, listProfiles(credential, route));
    else sendJson(res, 200, (operation === 'listModels' ? listModels : usageLimits)(credential, route, query));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    visit.record.rule = error.detail.rule;
    sendRefusal(res, error);
  }
}

function operationOf(req: IncomingMessage, path: string): 'generate' | ManagementOperation | 'social' | 'oidc' | null {
  switch (`${req.method ?? ''} ${path}`) {
    case 'POST /refreshToken':
      return 'social';
    case 'POST /token':
      return 'oidc';
    case 'POST /generateAssistantResponse':
      return 'generate';
    case 'GET /ListAvailableModels':
      return 'listModels';
    case 'GET /getUsageLimits':
      return 'usageLimits';
    case 'POST /':
      return targets[(headerOf(req, 'x-amz-target') ?? '').replace(/^.*\./, '').toLowerCase()] ?? null;
    default:
      return null;
  }
}

/** Answers one request; rejects only on a fault of the simulator itself. */
export async function route(service: Service, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [pathname = '/', query] = (req.url ?? '/').split('?', 2);
  const url: Target = { pathname, searchParams: new URLSearchParams(query) };
  if (url.pathname.startsWith('/_sim/')) return handleControl(service, req, res, url);
  const operation = operationOf(req, url.pathname);
  switch (operation) {
    case null:
      req.resume();
      return sendRefusal(res, unknownOperation());
    case 'social':
    case 'oidc':
      return handleRefresh(service, req, res, operation);
    case 'generate':
      return handleGenerate(service, req, res, readRoute(req.headers.host, url.pathname === '/' ? 'root' : 'ide'));
    default:
      return handleManagement(service, req, res, url, operation);
  }
}
