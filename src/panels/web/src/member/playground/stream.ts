/** Sends a conversation to the client API and yields the reply as it streams, from either dialect. */
import { ApiError, errorOf } from '../../api/errors';

export type Dialect = 'openai' | 'anthropic';

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

export interface Ask {
  readonly dialect: Dialect;
  readonly key: string;
  readonly model: string;
  readonly system: string;
  readonly maxTokens: number;
  readonly turns: readonly Turn[];
  readonly signal: AbortSignal;
}

export type Piece =
  | { readonly kind: 'started'; readonly requestId: string | null }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'usage'; readonly input: number | null; readonly output: number | null };

/** Keys are of visible ASCII; of others a browser makes no header, and the request fails as if there were no connection. */
export const canBeKey = (text: string): boolean => /^[!-~]+$/.test(text);

type Json = Readonly<Record<string, unknown>>;

function requestOf({ dialect, key, model, system, maxTokens, turns }: Ask): [string, RequestInit] {
  const [path, auth, body] =
    dialect === 'openai'
      ? [
          '/v1/chat/completions',
          { authorization: `Bearer ${key}` },
          {
            messages: [...(system === '' ? [] : [{ role: 'system', content: system }]), ...turns],
            stream_options: { include_usage: true },
          },
        ]
      : ['/v1/messages', { 'x-api-key': key }, { messages: turns, ...(system === '' ? {} : { system }) }];
  const headers = { 'content-type': 'application/json', ...auth };
  return [path, { method: 'POST', headers, body: JSON.stringify({ model, stream: true, max_tokens: maxTokens, ...body }) }];
}

/** Throws ApiError for a refusal and for an error inside the stream; what `signal` aborts throws its AbortError. */
export async function* streamReply(ask: Ask, fetch: typeof globalThis.fetch): AsyncGenerator<Piece> {
  const [path, init] = requestOf(ask);
  // The key alone speaks here: no session goes along.
  const response = await fetch(path, { ...init, credentials: 'omit', signal: ask.signal });
  if (!response.ok || response.body === null) throw await errorOf(response);
  yield { kind: 'started', requestId: response.headers.get('x-request-id') };
  for await (const data of serverSentData(response.body)) {
    if (data === '[DONE]') return;
    const event = parse(data);
    if (event !== null) yield* ask.dialect === 'openai' ? openAiPieces(event) : anthropicPieces(event);
  }
}

/** The `data:` lines of a server-sent event stream. */
export async function* serverSentData(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let left = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      left += decoder.decode(value, { stream: !done });
      const lines = left.split(/\r?\n/);
      left = done ? '' : (lines.pop() ?? '');
      for (const line of lines) if (line.startsWith('data:')) yield line.slice(5).trim();
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function* openAiPieces(event: Json): Generator<Piece> {
  failOn(event);
  const [choice] = (event['choices'] ?? []) as { delta?: { content?: unknown } }[];
  const text = choice?.delta?.content;
  if (typeof text === 'string' && text !== '') yield { kind: 'text', text };
  const usage = event['usage'] as { prompt_tokens?: number; completion_tokens?: number } | null | undefined;
  if (usage) yield { kind: 'usage', input: usage.prompt_tokens ?? null, output: usage.completion_tokens ?? null };
}

function* anthropicPieces(event: Json): Generator<Piece> {
  failOn(event);
  const delta = event['delta'] as { text?: unknown } | undefined;
  if (event['type'] === 'content_block_delta' && typeof delta?.text === 'string') yield { kind: 'text', text: delta.text };
  const started = event['message'] as { usage?: { input_tokens?: number } } | undefined;
  if (event['type'] === 'message_start') yield { kind: 'usage', input: started?.usage?.input_tokens ?? null, output: null };
  const usage = event['usage'] as { input_tokens?: number; output_tokens?: number } | undefined;
  if (event['type'] === 'message_delta') yield { kind: 'usage', input: usage?.input_tokens ?? null, output: usage?.output_tokens ?? null };
}

function failOn(event: Json): void {
  const error = event['error'] as { code?: unknown; message?: unknown } | undefined;
  if (!error) return;
  const code = typeof error.code === 'string' ? error.code : 'upstream_error';
  throw new ApiError({ status: 502, code, message: typeof error.message === 'string' ? error.message : '' });
}

function parse(text: string): Json | null {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
