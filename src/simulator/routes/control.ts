/** `/_sim/*`: lets other processes drive the simulator and read its witness. Loopback only, as the whole server is. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { behaviourSchema, settingsPatchSchema } from '../behaviour.js';
import type { Credential } from '../credentials.js';
import type { Service } from '../service.js';
import { parseJson, readBody, sendJson, type Target } from './http.js';

const region = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/);
const changeable = {
  suspended: z.boolean().optional(),
  rotate: z.boolean().optional(),
  creditsUsed: z.number().min(0).optional(),
  creditsLimit: z.number().min(0).optional(),
  resetAt: z.number().optional(),
  accessTokenSeconds: z.number().positive().optional(),
};
const newCredential = z.strictObject({
  kind: z.enum(['social', 'idc', 'builder_id']),
  id: z.string().min(1).max(100).optional(),
  region: region.optional(),
  apiRegion: region.optional(),
  plan: z.enum(['free', 'pro', 'power']).optional(),
  refreshToken: z.string().min(1).optional(),
  email: z.string().optional(),
  ...changeable,
});
const credentialPatch = z.strictObject({
  id: z.string(),
  revoked: z.boolean().optional(),
  expireAccessTokens: z.boolean().optional(),
  ...changeable,
});
const behaveRequest = z.strictObject({ credential: z.string().optional(), queue: z.array(behaviourSchema).max(100_000) });

/** What a donor would hand over. */
export function handOut(credential: Credential): HandedOut {
  const { id, kind, refreshToken, clientId, clientSecret, profileArn } = credential;
  return {
    id,
    kind,
    region: credential.authRegion,
    refreshToken,
    ...(clientId === null || clientSecret === null ? {} : { clientId, clientSecret }),
    ...(profileArn === null ? {} : { profileArn }),
  };
}

export interface HandedOut {
  readonly id: string;
  readonly kind: Credential['kind'];
  /** Where it signed in. */
  readonly region: string;
  readonly refreshToken: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** What the service would accept for it; IdC clients have to discover it. */
  readonly profileArn?: string;
}

type Handler = (service: Service, body: unknown, query: URLSearchParams) => unknown;

const numberIn = (query: URLSearchParams, name: string, fallback: number): number => {
  const value = Number(query.get(name) ?? fallback);
  return Number.isFinite(value) ? value : fallback;
};

const routes: Readonly<Record<string, Handler>> = {
  'GET /_sim/witness': (service) => service.witness.snapshot(),
  'GET /_sim/requests': (service, _body, query) => ({
    requests: service.witness.requests({ after: numberIn(query, 'after', 0), limit: numberIn(query, 'limit', 1_000) }),
  }),
  'GET /_sim/settings': (service) => service.settings(),
  'POST /_sim/settings': (service, body) => service.change(settingsPatchSchema.parse(body)),
  'GET /_sim/credentials': (service) => ({ credentials: service.credentials.list().map(handOut) }),
  'POST /_sim/credentials': (service, body) => handOut(service.credentials.add(newCredential.parse(body))),
  'PATCH /_sim/credentials': (service, body) => {
    const { id, ...patch } = credentialPatch.parse(body);
    const credential = service.credentials.update(id, patch);
    if (!credential) throw new Error(`no credential ${id}`);
    return handOut(credential);
  },
  'POST /_sim/behave': (service, body) => {
    const { credential, queue } = behaveRequest.parse(body);
    service.script.behave(queue, credential);
    return { pending: service.script.pending() };
  },
  'POST /_sim/release': (service) => ({ released: service.gate.release() }),
  'POST /_sim/reset': (service) => {
    service.reset();
    return {};
  },
};

/** Answers 404 for unknown paths and 400 with the reason for bodies that do not fit. */
export async function handleControl(service: Service, req: IncomingMessage, res: ServerResponse, url: Target): Promise<void> {
  const handler = routes[`${req.method ?? ''} ${url.pathname}`];
  if (!handler) return sendJson(res, 404, { message: `no such control; there are: ${Object.keys(routes).join(', ')}` });
  const raw = await readBody(req);
  if (raw === null) return;
  try {
    sendJson(res, 200, handler(service, raw.length === 0 ? {} : parseJson(raw), url.searchParams));
  } catch (error) {
    sendJson(res, 400, { message: error instanceof z.ZodError ? z.prettifyError(error) : String(error) });
  }
}
