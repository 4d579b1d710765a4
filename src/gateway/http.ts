/** Small HTTP helpers of the hot path: bodies in, JSON out, drain. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../errors.js';

/** Contract §3: a body above this is a 413. */
export const MAX_BODY_BYTES = 50 * 1024 * 1024;

/**
 * Reads and parses a JSON body. Throws AppError `payload_too_large` or `invalid_request`; what is left
 * of an oversize body is read and dropped, so that clients which write before they read see the answer.
 */
export async function readJson(req: IncomingMessage, maxBytes: number = MAX_BODY_BYTES): Promise<unknown> {
  const announced = Number(req.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    req.resume();
    throw new AppError('payload_too_large');
  }
  if (req.headers['content-encoding'] !== undefined && req.headers['content-encoding'] !== 'identity') {
    req.resume();
    throw new AppError('unsupported_media_type', { message: 'Compressed request bodies are not accepted.' });
  }
  const body = await readBody(req, maxBytes);
  try {
    return JSON.parse(textOf(body)) as unknown;
  } catch (cause) {
    throw new AppError('invalid_request', { message: 'The body is not valid JSON.', param: 'body', cause });
  }
}

/** Without the byte order mark that some editors and clients put in front. */
function textOf(body: Buffer): string {
  return body.toString('utf8', body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0);
}

function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) {
        chunks.length = 0;
        req.off('data', onData);
        req.resume();
        reject(new AppError('payload_too_large'));
      } else chunks.push(chunk);
    };
    req.on('data', onData);
    req.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)));
    req.once('error', reject);
    req.once('close', () => reject(new ClientLeft()));
  });
}

/** The client closed its connection before the reply was whole. */
export class ClientLeft extends Error {
  constructor() {
    super('the client closed the connection');
    this.name = 'ClientLeft';
  }
}

/** Answers with JSON; does nothing when the answer has begun or the client is gone. */
export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string | number>> = {},
): void {
  if (res.headersSent || res.destroyed) return;
  const text = JSON.stringify(body);
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text), ...headers });
  res.end(text);
}

/** Resolves when the response takes more, or is closed. */
export function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done);
      res.off('close', done);
      resolve();
    };
    res.once('drain', done);
    res.once('close', done);
    if (res.destroyed) done();
  });
}

/** Header value as one string. */
export function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
