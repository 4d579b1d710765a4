/** Clients under way: workers that send one request after another through the balancer and write down what each got. */
import { setTimeout as wait } from 'node:timers/promises';

/** One request as its client saw it. */
export interface ClientResult {
  /** Ours, from the response's head; null when none came. */
  readonly id: string | null;
  readonly status: number | null;
  /** The reply came to its proper end, without an error in the stream. */
  readonly whole: boolean;
  /** Of an error's body, or the broken connection's words. */
  readonly code: string | null;
}

export interface Load {
  readonly results: readonly ClientResult[];
  /** Requests sent and not ended yet. */
  readonly running: () => number;
  /** Sends nothing new; resolves with all results when the last request has ended. */
  stop(): Promise<readonly ClientResult[]>;
}

export interface LoadOptions {
  readonly url: string;
  readonly keys: readonly string[];
  readonly workers: number;
  /** Put before the text of every request, for example a directive to the simulator. */
  readonly text?: (request: number) => string;
  /** Which requests come on a connection of their own. Default: none, connections are kept. */
  readonly fresh?: (request: number) => boolean;
  /** As clients do: once more, where a kept connection was closed under a request before a byte of its reply came. */
  readonly retries?: boolean;
}

/** After anything but a whole reply a client takes a breath, ms: a refusal must not become a storm. */
const BREATH_MS = 50;

export function startLoad(options: LoadOptions): Load {
  const results: ClientResult[] = [];
  let on = true;
  let running = 0;
  let count = 0;
  const worker = async (n: number): Promise<void> => {
    while (on) {
      running += 1;
      const result = await send(options, n, count++);
      running -= 1;
      results.push(result);
      if (!result.whole) await wait(BREATH_MS);
    }
  };
  const workers = Array.from({ length: options.workers }, (_, n) => worker(n));
  return {
    results,
    running: () => running,
    async stop() {
      on = false;
      await Promise.all(workers);
      return results;
    },
  };
}

const kinds = [
  { path: '/v1/chat/completions', stream: false, end: '"finish_reason"' },
  { path: '/v1/chat/completions', stream: true, end: '[DONE]' },
  { path: '/v1/messages', stream: true, end: 'message_stop' },
] as const;

/** As often as the official clients try again by default. */
const SDK_RETRIES = 2;
const isClosed = ({ status, code }: ClientResult): boolean => status === null && /other side closed|ECONNRESET/.test(code ?? '');

async function send(options: LoadOptions, worker: number, n: number): Promise<ClientResult> {
  const kind = kinds[n % kinds.length] ?? kinds[0];
  const text = options.text?.(n) ?? (n % 3 === 1 ? '[[sim gap 5]]' : '');
  const key = options.keys[worker % options.keys.length] ?? '';
  const isFresh = options.fresh?.(n) ?? false;
  let result = await sendOne(options.url, key, `${text} request ${n}`, kind, isFresh);
  // Another kept connection may be taken for the next try, and be closing as well.
  for (let tries = 0; tries < SDK_RETRIES && options.retries && isClosed(result); tries += 1) {
    result = await sendOne(options.url, key, `${text} request ${n}`, kind, true);
  }
  return result;
}

/** One request to its end; never rejects. */
export async function sendOne(
  url: string,
  key: string,
  content: string,
  kind: { readonly path: string; readonly stream: boolean; readonly end: string } = kinds[0],
  isFresh = false,
): Promise<ClientResult> {
  let id: string | null = null;
  let status: number | null = null;
  try {
    const response = await fetch(`${url}${kind.path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...(isFresh && { connection: 'close' }) },
      body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 200, stream: kind.stream, messages: [{ role: 'user', content }] }),
    });
    status = response.status;
    id = response.headers.get('x-request-id');
    const text = await response.text();
    const code = /"code":"([a-z_]+)"/.exec(text)?.[1] ?? null;
    return { id, status, whole: status === 200 && text.includes(kind.end) && code === null, code };
  } catch (error) {
    return { id, status, whole: false, code: String((error as { cause?: unknown }).cause ?? error) };
  }
}
