/** What tests of the limits send and read: tokens from the simulator, requests, terminal events. */
import type { Service } from './service.js';
import { until } from './until.js';

export interface GivenToken {
  readonly id: string;
  /** Its name at the simulator. */
  readonly credential: string;
}

/** Public tokens of the site, unless `over` says otherwise. */
export async function addTokens({ sim, admin }: Service, count: number, over: Record<string, unknown> = {}): Promise<GivenToken[]> {
  const given: GivenToken[] = [];
  for (let i = 0; i < count; i += 1) {
    const { id: credential, refreshToken } = sim.addCredential({ kind: 'social' });
    const donation = { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public', ...over };
    given.push({ id: (await admin.post<{ id: string }>('/admin/api/tokens', donation)).id, credential });
  }
  return given;
}

/** One request by the Anthropic API. */
export function ask(
  url: string,
  key: string,
  content: string,
  { stream = false, signal }: { stream?: boolean; signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 500, stream, messages: [{ role: 'user', content }] }),
    ...(signal && { signal }),
  });
}

/** Of an error answer. */
export const codeOf = async (response: Response): Promise<string> => ((await response.json()) as { error: { code: string } }).error.code;

export interface Terminal {
  readonly type: string;
  readonly data: {
    readonly requestId: string;
    readonly userId: string;
    readonly tokenId: string;
    readonly charged: boolean;
    readonly code?: string;
    readonly attempts?: readonly { readonly tokenId: string; readonly outcome: string }[];
  };
}

const TERMINAL = 'kirogate.token.used,kirogate.request.failed,kirogate.request.cancelled,kirogate.request.abandoned';

/** All terminal events, once there are `count` of them and no request runs any more. */
export function terminals({ admin }: Pick<Service, 'admin'>, count: number): Promise<Terminal[]> {
  return until(`${count} terminal events`, async () => {
    const events = await admin.all<Terminal>(`/admin/api/events?types=${TERMINAL}&limit=500`);
    return events.length >= count && (await inFlight(admin)) === 0 ? events : undefined;
  });
}

/** Slots taken over all tokens. */
async function inFlight(admin: Service['admin']): Promise<number> {
  const tokens = await admin.all<{ concurrency: { used: number } }>('/admin/api/tokens?limit=500');
  return tokens.reduce((sum, token) => sum + token.concurrency.used, 0);
}
