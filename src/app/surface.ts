/** What the node's port answers once it is ready: the gateway first, then metrics and documents, then the panels' pages and their API. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { asyncApiDocument } from '../events/asyncapi.js';
import { sendJson } from '../gateway/http.js';
import type { Gateway } from '../gateway/index.js';
import type { StaticFiles } from '../panels/static.js';

export interface SurfaceDeps {
  readonly gateway: Gateway;
  readonly panels: RequestListener;
  /** Takes the requests for pages and their files; the rest is for `panels`. */
  readonly pages: StaticFiles;
  /** Prometheus text of the whole installation. */
  readonly metrics: () => Promise<string>;
  /** Empty: metrics are open. */
  readonly metricsToken: string;
  readonly version: string;
  /** Data partitions, for the event document. */
  readonly partitions: number;
  readonly logger: Logger;
}

export function createSurface(deps: SurfaceDeps): RequestListener {
  const asyncApi = asyncApiDocument({ version: deps.version, partitions: deps.partitions });
  return (req, res) => {
    if (deps.gateway.handle(req, res)) return;
    const path = (req.url ?? '/').split('?', 1)[0];
    if (path === '/metrics') void answerMetrics(req, res, deps);
    else if (path === '/asyncapi.json' && req.method === 'GET') sendJson(res, 200, asyncApi);
    else if (!deps.pages(req, res)) deps.panels(req, res);
  };
}

async function answerMetrics(req: IncomingMessage, res: ServerResponse, deps: SurfaceDeps): Promise<void> {
  if (!mayRead(req, deps.metricsToken)) {
    sendJson(res, 401, {
      error: { message: 'Send the metrics token as a bearer token.', type: 'authentication_error', code: 'unauthenticated', param: null },
    });
    return;
  }
  try {
    const text = await deps.metrics();
    res.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    res.end(text);
  } catch (error) {
    deps.logger.error({ err: error }, 'metrics could not be read');
    sendJson(res, 503, {
      error: { message: 'The metrics could not be read.', type: 'server_error', code: 'storage_unavailable', param: null },
    });
  }
}

function mayRead(req: IncomingMessage, token: string): boolean {
  if (token === '') return true;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(req.headers.authorization ?? ''), digest(`Bearer ${token}`));
}
