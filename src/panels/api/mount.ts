/** Puts rows on Express: headers, who is calling, body, schemas, handler, answer, errors. */
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import type { z } from 'zod';
import { AppError } from '../../errors.js';
import { unlessLost } from '../../shared/unlessLost.js';
import { authorize, cookieNames, readCookie } from './access.js';
import type { Access, ApiReply, Caller, Route, SessionChange } from './define.js';
import type { PanelContext } from './deps.js';
import { id, noFields } from './fields.js';
import { headerText } from './headerText.js';
import { renderError, toAppError } from './render.js';
import { sessionLifeMs } from './session.js';
import { flowLifeMs } from './signIn/flow.js';
import { validate } from './validate.js';

/** Strangers get room for a form; those we know for a batch of 50,000 ids or a bulk donation. */
const bodyLimits: Readonly<Record<Access, string>> = { public: '32kb', member: '512kb', admin: '8mb', 'import-key': '8mb' };

interface Locals {
  requestId: string;
  caller: Caller;
}

/** An Express app that answers every path: rows, then 405 for their other methods, then 404. */
export function mount(rows: readonly Route[], context: PanelContext): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('json escape', true);
  app.use(securityHeaders());
  app.use(identify(context));
  for (const row of rows) app[row.method](row.path, authorized(row, context), ...bodyReaders(row), handled(row, context));
  for (const [path, methods] of methodsByPath(rows)) {
    app.all(path, (_request, response) => {
      response.setHeader('allow', methods.join(', '));
      throw new AppError('method_not_allowed');
    });
  }
  app.use(() => {
    throw new AppError('not_found');
  });
  app.use(failed(context));
  return app;
}

function securityHeaders(): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
        'object-src': ["'none'"],
      },
    },
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  });
}

/** Every request gets our id; what depends on a session is never cached. */
function identify(context: PanelContext): RequestHandler {
  return function identified(_request, response, next) {
    const requestId = context.ids.uuid();
    (response.locals as Locals).requestId = requestId;
    response.setHeader('x-request-id', requestId);
    response.setHeader('cache-control', 'no-store');
    next();
  };
}

function authorized(row: Route, context: PanelContext): RequestHandler {
  return async function checkAccess(request, response, next) {
    if (!isForAdmins(row) && context.directory.isBanned(context.clientAddress(request))) throw new AppError('ip_banned');
    (response.locals as Locals).caller = await unlessLost(authorize(request, row.access, context), context.databaseLost);
    next();
  };
}

/** Bans are of the client and the member API (contract §5): an admin must get in to lift one; wrong passwords are throttled anyway. */
function isForAdmins({ access, path }: Route): boolean {
  return access === 'admin' || path === '/admin/login';
}

const binary = 'application/octet-stream';

/** A form posted by a foreign page cannot say application/json without asking first. */
function bodyReaders(row: Route): RequestHandler[] {
  if (row.method === 'get') return [];
  const json = ['application/json', '+json'];
  const types = [...json, ...(row.text ? ['text/plain'] : []), ...(row.upload ? [binary] : [])];
  const checkContentType: RequestHandler = (request, _response, next) => {
    const length = request.headers['content-length'];
    const hasBody = request.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
    if (hasBody && !request.is(types)) throw new AppError('unsupported_media_type');
    next();
  };
  // Rows that take text take whole files.
  const limit = row.text ? '8mb' : bodyLimits[row.access];
  return [
    checkContentType,
    express.json({ limit, strict: false, type: json }),
    ...(row.text ? [express.text({ limit, type: 'text/plain' })] : []),
  ];
}

function handled(row: Route, context: PanelContext): RequestHandler {
  return async function handle(request, response) {
    const { requestId, caller } = response.locals as Locals;
    const lastEventId = request.headers['last-event-id'];
    const params: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.params)) params[name] = parseParam(name, value);
    const handling = row.handle(
      {
        // `authorize` answers the caller that the row's access asks for.
        caller: caller as never,
        params,
        query: validate<z.ZodType>(row.query ?? noFields, { ...request.query }),
        body:
          row.method === 'get'
            ? {}
            : validate<z.ZodType>(row.body ?? noFields, request.body === undefined ? {} : (request.body as unknown)),
        requestId,
        address: context.clientAddress(request),
        upload: row.upload && request.is(binary) ? request : undefined,
        uploadKey: headerText('x-old-encrypt-key', request.get('x-old-encrypt-key')),
        lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
        flow: readCookie(request, cookieNames.flow),
        http: request,
      },
      context,
    );
    const reply = await unlessLost(handling, context.databaseLost);
    await answer(request, response, row, reply, context);
  };
}

function parseParam(name: string, value: unknown): string {
  const parsed = id.safeParse(value);
  if (!parsed.success) throw new AppError('invalid_request', { message: `${name}: is not an id`, param: name });
  return parsed.data;
}

async function answer(request: Request, response: Response, row: Route, reply: ApiReply, context: PanelContext): Promise<void> {
  if (reply.session) setSession(request, response, reply.session, context);
  if (reply.flow !== undefined) setFlow(request, response, reply.flow, context);
  if (reply.stream) {
    await streamed(response, reply.stream, context.closing);
    return;
  }
  response.status(reply.status ?? row.status);
  if (reply.redirect !== undefined) response.setHeader('location', reply.redirect);
  if (reply.landing !== undefined) response.type('html').send(landingPage(reply.landing));
  else if (reply.body === undefined) response.end();
  else response.json(reply.body);
}

/** Ends when the client leaves or the node drains, whichever comes first; leaves no listener on the node's own signal. */
async function streamed(response: Response, stream: NonNullable<ApiReply['stream']>, closing: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  response.once('close', end);
  closing.addEventListener('abort', end);
  if (closing.aborted) end();
  try {
    await stream(response, ended.signal);
  } finally {
    closing.removeEventListener('abort', end);
  }
}

/** The step from here on is our own site's, so that cookies with SameSite=Strict are sent. `path` is one of ours. */
function landingPage(path: string): string {
  return `<!doctype html><meta charset="utf-8"><title>KiroGate</title><meta http-equiv="refresh" content="0;url=${path}"><a href="${path}">KiroGate</a>\n`;
}

/** Lax: it has to come back with the browser from another site. */
function setFlow(request: Request, response: Response, flow: string | null, context: PanelContext): void {
  const options = { httpOnly: true, sameSite: 'lax', secure: isSecure(request, context), path: '/auth' } as const;
  if (flow === null) response.clearCookie(cookieNames.flow, options);
  else response.cookie(cookieNames.flow, flow, { ...options, maxAge: flowLifeMs });
}

/** A client that lies about TLS only marks its own cookie. */
function isSecure(request: Request, context: PanelContext): boolean {
  return context.secureCookies === true || request.secure || request.headers['x-forwarded-proto'] === 'https';
}

function setSession(request: Request, response: Response, change: SessionChange, context: PanelContext): void {
  const options = { httpOnly: true, sameSite: 'strict', secure: isSecure(request, context), path: '/' } as const;
  if (change.set === null) response.clearCookie(cookieNames[change.audience], options);
  else response.cookie(cookieNames[change.audience], change.set, { ...options, maxAge: sessionLifeMs });
}

function failed(context: PanelContext): ErrorRequestHandler {
  return function renderFailure(error: unknown, request, response, _next) {
    const app = toAppError(error);
    if (app.status >= 500) {
      const { requestId } = response.locals as Partial<Locals>;
      context.logger.error({ err: app.cause ?? app, requestId, method: request.method, path: request.path }, 'panel request failed');
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, headers, body } = renderError(app);
    response.status(status).set(headers).json(body);
  };
}

function methodsByPath(rows: readonly Route[]): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const row of rows) methods.set(row.path, [...(methods.get(row.path) ?? []), row.method.toUpperCase()]);
  return methods;
}
