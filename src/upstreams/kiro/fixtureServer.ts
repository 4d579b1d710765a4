/** A tiny HTTP server for this folder's tests: answers by a handler, keeps what it was sent. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import type { GenerateCall, Upstream } from '../define.js';
import { modelRequest } from './fixtures.js';
import { createKiroUpstream, type KiroUpstreamOptions } from './index.js';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Handler = (request: SeenRequest, response: ServerResponse) => void;

export interface FixtureServer {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  answer: Handler;
  close(): Promise<void>;
}

export async function startServer(): Promise<FixtureServer> {
  const seen: SeenRequest[] = [];
  const fixture = { answer: (_request: SeenRequest, response: ServerResponse): void => void response.writeHead(500).end() };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(parts).toString('utf8'),
      };
      seen.push(one);
      fixture.answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(fixture, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

export const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

export const frames = (response: ServerResponse, list: readonly Buffer[]): void =>
  void response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' }).end(Buffer.concat(list));

export const testNow = Date.parse('2026-11-23T12:00:00Z');
export const clock: Clock = { now: () => testNow, monotonic: () => 0 };

export function kiroAt(url: string, over: Partial<KiroUpstreamOptions> = {}): Upstream {
  return createKiroUpstream({
    region: 'us-east-1',
    authUrl: url,
    oidcUrl: url,
    apiUrl: url,
    managementUrl: url,
    identity: 'KiroGate/test',
    firstByteTimeoutMs: 20_000,
    clock,
    ids: createIds(clock),
    ...over,
  });
}

export const ownArn = 'arn:aws:codewhisperer:us-east-1:123456789012:profile/OWNPROFILE';
export const refreshToken = `aorAAAAA${'r'.repeat(120)}`;

export function generateCall(
  upstream: Upstream,
  over: Partial<GenerateCall> & { readonly credential?: Record<string, unknown> } = {},
): GenerateCall {
  const { credential, ...rest } = over;
  const parsed = upstream.parseCredential({ refreshToken, profileArn: ownArn, ...credential });
  return {
    request: modelRequest(),
    model: 'claude-sonnet-4.5',
    authType: parsed.authType,
    secret: parsed.secret,
    access: { value: 'access-token-of-the-test', expiresAt: null, facts: {} },
    requestId: '019a5e3c-2f10-7c3e-8f00-1c2d3e4f5a6b',
    attempt: 1,
    signal: new AbortController().signal,
    onHeaders: () => {},
    lessons: new Set(),
    ...rest,
  };
}
