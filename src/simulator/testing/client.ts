/** A small plain client of the service for the simulator's own tests: builds bodies, calls, decodes with the official codec. */
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { fromUtf8, toUtf8 } from '@smithy/util-utf8';
import type { HandedOut } from '../routes/control.js';

const codec = new EventStreamCodec(toUtf8, fromUtf8);

export interface Frame {
  readonly type: string;
  readonly payload: Record<string, unknown>;
}

/** Cuts a whole stream into frames; throws when bytes are left over. */
export function decodeFrames(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const end = at + view.getUint32(at);
    const { headers, body } = codec.decode(bytes.subarray(at, end));
    const type = headers[':event-type'] ?? headers[':exception-type'] ?? headers[':error-code'];
    const text = toUtf8(body);
    frames.push({ type: String(type?.value), payload: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) });
    at = end;
  }
  return frames;
}

export function textOf(frames: readonly Frame[]): string {
  return frames.map((frame) => (frame.type === 'assistantResponseEvent' ? String(frame.payload.content) : '')).join('');
}

export function typesOf(frames: readonly Frame[]): string[] {
  return [...new Set(frames.map((frame) => frame.type))];
}

export interface Ask {
  readonly text?: string;
  readonly model?: string;
  readonly tools?: readonly string[];
  readonly context?: object;
  readonly message?: object;
  readonly history?: readonly object[];
  readonly root?: object;
}

export function completionBody({
  text = 'hello',
  model = 'claude-sonnet-4.5',
  tools = [],
  context,
  message,
  history = [],
  root,
}: Ask = {}): Record<string, unknown> {
  const specifications = tools.map((name) => ({
    toolSpecification: { name, description: `Does ${name}.`, inputSchema: { json: { type: 'object', properties: {} } } },
  }));
  const inner = { ...(tools.length > 0 ? { tools: specifications } : {}), ...context };
  return {
    conversationState: {
      chatTriggerType: 'MANUAL',
      conversationId: 'conversation-1',
      history,
      currentMessage: {
        userInputMessage: { content: text, modelId: model, origin: 'AI_EDITOR', userInputMessageContext: inner, ...message },
      },
    },
    ...root,
  };
}

export interface GenerateOptions {
  /** The AWS-JSON dialect instead of the IDE path. */
  readonly root?: boolean;
  readonly signal?: AbortSignal;
  readonly invocationId?: string;
}

export async function refresh(
  url: string,
  donor: Pick<HandedOut, 'kind' | 'refreshToken' | 'clientId' | 'clientSecret'>,
): Promise<Response> {
  const { kind, refreshToken, clientId, clientSecret } = donor;
  const [path, body] =
    kind === 'social'
      ? ['/refreshToken', { refreshToken }]
      : ['/token', { clientId, clientSecret, grantType: 'refresh_token', refreshToken }];
  return fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

export async function accessTokenOf(url: string, donor: HandedOut): Promise<string> {
  const { accessToken } = (await (await refresh(url, donor)).json()) as { accessToken: string };
  return accessToken;
}

export function generate(url: string, token: string, body: unknown, options: GenerateOptions = {}): Promise<Response> {
  const dialect: Record<string, string> = options.root
    ? { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonCodeWhispererStreamingService.GenerateAssistantResponse' }
    : { 'content-type': 'application/json' };
  return fetch(`${url}${options.root ? '/' : '/generateAssistantResponse'}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'amz-sdk-invocation-id': options.invocationId ?? 'invocation-1', ...dialect },
    body: JSON.stringify(body),
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

export async function framesOf(response: Response): Promise<Frame[]> {
  return decodeFrames(new Uint8Array(await response.arrayBuffer()));
}
