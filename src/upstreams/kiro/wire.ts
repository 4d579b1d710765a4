/** The HTTP under Kiro: one undici agent, deadlines, abort that ends the socket at once, and network errors as UpstreamFailure. */

import { Agent } from 'undici';
import { deadline } from '../../shared/deadline.js';
import { UpstreamFailure } from '../define.js';
import { createReply, type Reply } from './reply.js';

export interface WireRequest {
  readonly origin: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Until the first byte of the body, ms. */
  readonly timeoutMs: number;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly contentType: string;
  /** All of the body that is here, waiting for the first of it; null: it has ended. The socket rests while nobody reads. Throws UpstreamFailure. */
  read(): Promise<readonly Buffer[] | null>;
  /** The first byte is here: the deadline no longer holds. */
  received(): void;
  /** The rest of the body as text, at most 64 KiB of it. */
  text(): Promise<string>;
  /** Ends the call. A body not read to its end costs the socket. */
  end(): void;
}

export interface Wire {
  /** Resolves when headers are in, whatever their status. Throws UpstreamFailure `network`, `timeout` or `aborted`. */
  send(request: WireRequest): Promise<WireResponse>;
  close(): Promise<void>;
}

/** Silence between two chunks of a running stream; tool arguments of 40 KB were seen to take minutes (B10). */
const idleTimeoutMs = 300_000;
const connectTimeoutMs = 10_000;
const errorBodyBytes = 64 * 1024;

/** Codes that mean no connection came about, so that the upstream saw nothing. */
const connectCodes = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);
const timeoutCodes = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Was this failure one of connecting, before anything was sent? */
export function neverSent(failure: UpstreamFailure): boolean {
  return failure.kind === 'network' && connectCodes.has(codeOf(failure.cause));
}

export function createWire(): Wire {
  // Deadlines of headers are ours: one timer covers headers and first byte.
  const agent = new Agent({ connect: { timeout: connectTimeoutMs }, headersTimeout: 0, bodyTimeout: idleTimeoutMs, pipelining: 1 });
  return {
    send: (request) => send(agent, request),
    // destroy, not close: streams that still run at shutdown have been told, waiting for them is the drain's work.
    close: () => agent.destroy(),
  };
}

async function send(agent: Agent, request: WireRequest): Promise<WireResponse> {
  const { signal } = request;
  const reply = createReply();
  let timedOut = false;
  const inTime = deadline(request.timeoutMs, () => {
    timedOut = true;
    reply.abort('the first byte did not come in time');
  });
  const onAbort = (): void => reply.abort('the call was ended');
  const release = (): void => {
    inTime();
    signal.removeEventListener('abort', onAbort);
  };
  const failure = (error: unknown): UpstreamFailure => failureOf(error, signal, timedOut);
  try {
    if (signal.aborted) throw signal.reason;
    signal.addEventListener('abort', onAbort, { once: true });
    const { origin, path, method, headers, body = null } = request;
    agent.dispatch({ origin, path, method, headers, body }, reply.handler);
    const head = await reply.head;
    return {
      status: head.status,
      headers: head.headers,
      contentType: (head.headers['content-type'] ?? '').toLowerCase(),
      read: () =>
        reply.read().catch((error: unknown) => {
          throw failure(error);
        }),
      received: inTime,
      text: () => readText(reply, failure),
      end() {
        release();
        reply.abort('the rest of the reply is not wanted');
      },
    };
  } catch (error) {
    release();
    throw failure(error);
  }
}

function failureOf(error: unknown, signal: AbortSignal, timedOut: boolean): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error;
  // A caller's deadline (AbortSignal.timeout) is an upstream that was too slow, not someone who left.
  const late = signal.aborted && signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
  if (signal.aborted && !late) return new UpstreamFailure({ kind: 'aborted', message: 'The call was ended on our side.', cause: error });
  if (late || timedOut || timeoutCodes.has(codeOf(error))) {
    return new UpstreamFailure({ kind: 'timeout', message: 'The upstream did not answer in time.', cause: error });
  }
  const code = codeOf(error);
  return new UpstreamFailure({
    kind: 'network',
    message: `The connection to the upstream failed${code ? ` (${code})` : ''}.`,
    cause: error,
  });
}

async function readText(reply: Reply, failure: (error: unknown) => UpstreamFailure): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for (let chunks = await reply.read(); chunks !== null && length < errorBodyBytes; chunks = await reply.read()) {
      for (const chunk of chunks) {
        parts.push(chunk);
        length += chunk.length;
      }
    }
  } catch (error) {
    throw failure(error);
  }
  return Buffer.concat(parts).toString('utf8', 0, Math.min(length, errorBodyBytes));
}

export interface TextAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}

/** One small call with its whole answer. Throws as `send` does. */
export async function askText(wire: Wire, request: WireRequest): Promise<TextAnswer> {
  const response = await wire.send(request);
  try {
    return { status: response.status, headers: response.headers, text: await response.text() };
  } finally {
    response.end();
  }
}
