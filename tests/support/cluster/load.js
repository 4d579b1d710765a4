/** Clients under way: workers that send one request after another through the balancer and write down what each got. */
import { setTimeout as wait } from 'node:timers/promises';

/** After anything but a whole reply a client takes a breath, ms: a refusal must not become a storm. */
const BREATH_MS = 50;
export function startLoad(options) {
  const results = [];
  let on = true;
  let running = 0;
  let count = 0;
  const worker = async (n) => {
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
];
async function send(options, worker, n) {
  const kind = kinds[n % kinds.length] ?? kinds[0];
  const text = options.text?.(n) ?? (n % 3 === 1 ? '[[sim gap 5]]' : '');
  const key = options.keys[worker % options.keys.length] ?? '';
  return sendOne(options.url, key, `${text} request ${n}`, kind);
}
/** One request to its end; never rejects. */
export async function sendOne(url, key, content, kind = kinds[0]) {
  let id = null;
  let status = null;
  try {
    const response = await fetch(`${url}${kind.path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 200, stream: kind.stream, messages: [{ role: 'user', content }] }),
    });
    status = response.status;
    id = response.headers.get('x-request-id');
    const text = await response.text();
    const code = /"code":"([a-z_]+)"/.exec(text)?.[1] ?? null;
    return { id, status, whole: status === 200 && text.includes(kind.end) && code === null, code };
  } catch (error) {
    return { id, status, whole: false, code: String(error.cause ?? error) };
  }
}
