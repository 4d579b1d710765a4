/** Small HTTP helpers of the hot path: bodies in, JSON out, drain. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../errors.js';

/** Contract §3: a body above this is a 413. */
export const MAX_BODY_BYTES = 50 * 1024 * 1024;

export interface ReadOptions {
  readonly maxBytes?: number;
  /** Aborted, reading ends with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Reads and parses a JSON body. Throws AppError `payload_too_large` or `invalid_request`; what is left
 * of an oversize body is read and dropped, so that clients which write before they read see the answer.
 */
export async function readJson(req: IncomingMessage, { maxBytes = MAX_BODY_BYTES, signal }: ReadOptions = {}): Promise<unknown> {
  const announced = Number(req.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    req.resume();
    throw new AppError('payload_too_large');
  }
  if (req.headers['content-encoding'] !== undefined && req.headers['content-encoding'] !== 'identity') {
    req.resume();
    throw new AppError('unsupported_media_type', { message: 'Compressed request bodies are not accepted.' });
  }
  const body = await readBody(req, maxBytes, signal);
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

function readBody(req: IncomingMessage, maxBytes: number, signal: AbortSignal | undefined): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const leave = (): void => {
      req.off('data', onData).off('end', onEnd).off('error', fail).off('close', onClose);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      leave();
      req.resume();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) fail(new AppError('payload_too_large'));
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      leave();
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size));
    };
    const onClose = (): void => fail(new ClientLeft());
    const onAbort = (): void => fail(signal?.reason);
    if (signal?.aborted) return onAbort();
    req.on('data', onData).on('end', onEnd).on('error', fail).on('close', onClose);
    signal?.addEventListener('abort', onAbort);
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
