/** What all routes share: a bounded body reader, JSON answers, refusals, and how a response ended. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal, type RefusalDetail } from '../refusals.js';
import type { Outcome, Visit } from '../witness.js';

/** The request line's target, split. */
export interface Target {
  readonly pathname: string;
  readonly searchParams: URLSearchParams;
}

const MAX_BODY = 64 * 1024 * 1024;

const serialization: RefusalDetail = {
  status: 400,
  message: 'Improperly formed request.',
  type: 'SerializationException',
  rule: 'body.json',
};

/** Resolves with the whole body, or null when the client left before its end. Throws Refusal above 64 MiB. */
export function readBody(req: IncomingMessage): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
      else chunks.length = 0;
    });
    req.on('end', () => {
      if (size <= MAX_BODY) resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
      else reject(new Refusal({ status: 413, message: 'Request body is too large.', type: 'ValidationException', rule: 'body.size' }));
    });
    req.on('error', () => resolve(null));
    req.on('close', () => resolve(null));
  });
}

/** Throws Refusal. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw new Refusal(serialization);
  }
}

export function sendJson(res: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
  if (res.closed || res.headersSent) return;
  const text = JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers });
  res.end(text);
}

export function sendRefusal(res: ServerResponse, refusal: Refusal): void {
  const { status, type, rule, path, retryAfterSeconds } = refusal.detail;
  sendJson(res, status, refusal.body(), {
    'x-amzn-errortype': type,
    'x-sim-rule': rule,
    ...(path === undefined ? {} : { 'x-sim-path': path.slice(0, 500) }),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
}

/** Ends the visit when the response does. `cut()` says that the coming close is our own doing. */
export function followResponse(res: ServerResponse, visit: Visit): { cut(): void } {
  let cut = false;
  res.once('close', () => {
    const status = res.headersSent ? res.statusCode : null;
    const whole: Outcome = res.statusCode < 300 ? 'completed' : 'refused';
    visit.end(res.writableFinished ? whole : cut ? 'cut' : 'aborted', status);
  });
  return {
    cut() {
      cut = true;
    },
  };
}

export function bearerOf(req: IncomingMessage): string | null {
  return /^Bearer (\S+)$/i.exec(req.headers.authorization ?? '')?.[1] ?? null;
}

export function headerOf(req: IncomingMessage, name: string): string | null {
  const value = req.headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
}
