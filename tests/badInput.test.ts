/** Promise 8: bad input gets a shaped 4xx that names the field; nothing a client sends makes a 500 or a hang. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Service, startService } from './support/service.js';

let service: Service;
let key: string;

beforeAll(async () => {
  service = await startService();
  const credential = service.sim.addCredential({ kind: 'social' });
  await service.admin.post('/admin/api/tokens', {
    provider: 'kiro',
    authType: 'social',
    refreshToken: credential.refreshToken,
    visibility: 'public',
  });
  key = (await service.admin.member('careless')).key;
});
afterAll(() => service.stop());

const paths = ['/v1/chat/completions', '/v1/responses', '/v1/messages'] as const;
type Path = (typeof paths)[number];

/** A body written for the other two paths, in the names of the path it goes to. */
function spoken(path: Path, body: unknown): unknown {
  if (path !== '/v1/responses' || typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const names: Record<string, string> = { messages: 'input', max_tokens: 'max_output_tokens' };
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [names[name] ?? name, value as unknown]));
}

const named = (path: Path, field: RegExp): RegExp =>
  path === '/v1/responses' ? new RegExp(field.source.replace('messages', 'input').replace('max_tokens', 'max_output_tokens')) : field;

interface ErrorBody {
  type?: string;
  request_id?: string;
  error: { message: string; type: string; code?: string; param?: string | null };
}

async function send(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: ErrorBody; headers: Headers }> {
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as ErrorBody, headers: response.headers };
}

function expectShape(path: string, body: ErrorBody): void {
  expect(typeof body.error.message).toBe('string');
  expect(typeof body.error.type).toBe('string');
  if (path.startsWith('/v1/messages')) {
    expect(body.type).toBe('error');
    expect(typeof body.request_id).toBe('string');
  } else expect(body).not.toHaveProperty('type');
}

const valid = { model: 'claude-sonnet-4-5', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };

describe.each(paths)('%s', (path: Path) => {
  const cases: readonly [string, unknown, number, RegExp][] = [
    ['malformed JSON', '{"model":', 400, /JSON/],
    ['an empty body', '', 400, /JSON/],
    ['an array', [], 400, /./],
    ['no model', { ...valid, model: undefined }, 400, /model/],
    ['a model that is no text', { ...valid, model: 7 }, 400, /model/],
    ['an unknown, ill-formed model', { ...valid, model: '../../etc/passwd' }, 404, /model/],
    ['no messages', { ...valid, messages: undefined }, 400, /messages/],
    ['messages that are no list', { ...valid, messages: { text: 'hi' } }, 400, /messages/],
    ['an empty list of messages', { ...valid, messages: [] }, 400, /messages/],
    ['a message that is no object', { ...valid, messages: [null] }, 400, /messages\[0\]/],
    ['another role', { ...valid, messages: [{ role: 'wizard', content: 'hi' }] }, 400, /messages\[0\]\.role/],
    ['content of a wrong type', { ...valid, messages: [{ role: 'user', content: 5 }] }, 400, /messages\[0\]\.content/],
    ['nothing left to send', { ...valid, messages: [{ role: 'user', content: '' }] }, 400, /messages/],
    ['max_tokens out of range', { ...valid, max_tokens: -1 }, 400, /max_tokens/],
    ['temperature out of range', { ...valid, temperature: 9 }, 400, /temperature/],
    ['stream of a wrong type', { ...valid, stream: 'yes' }, 400, /stream/],
    ['tools that are no list', { ...valid, tools: {} }, 400, /tools/],
  ];
  it.each(cases)('refuses %s', async (_name, body, status, field) => {
    const answer = await send(path, spoken(path, body));
    expect(answer.status).toBe(status);
    expectShape(path, answer.body);
    expect(`${answer.body.error.message} ${answer.body.error.param ?? ''}`).toMatch(named(path, field));
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('refuses a remote image URL, naming the part', async () => {
    const url = 'https://images.example/x.png';
    const part = {
      '/v1/chat/completions': { type: 'image_url', image_url: { url } },
      '/v1/responses': { type: 'input_image', image_url: url },
      '/v1/messages': { type: 'image', source: { type: 'url', url } },
    }[path];
    const answer = await send(path, spoken(path, { ...valid, messages: [{ role: 'user', content: [part] }] }));
    expect(answer.status).toBe(400);
    expect(answer.body.error.message + String(answer.body.error.param)).toMatch(named(path, /messages\[0\]\.content\[0\]/));
  });

  it('refuses a body above 50 MB with 413 in its own shape (pitfall 25)', async () => {
    const answer = await send(path, `{"model":"${'x'.repeat(51 * 1024 * 1024)}"}`);
    expect(answer.status).toBe(413);
    expectShape(path, answer.body);
  });

  it('accepts what is to be repaired: developer and late system roles, orphan tool results, empty turns beside others', async () => {
    const messages =
      path === '/v1/messages'
        ? [
            { role: 'user', content: 'first' },
            { role: 'assistant', content: '' },
            { role: 'system', content: 'late' },
            { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'orphan', content: 'x' }] },
            { role: 'user', content: 'last' },
          ]
        : [
            { role: 'developer', content: 'be brief' },
            { role: 'user', content: 'first' },
            { role: 'assistant', content: null },
            path === '/v1/responses'
              ? { type: 'function_call_output', call_id: 'orphan', output: 'x' }
              : { role: 'tool', tool_call_id: 'orphan', content: 'x' },
            { role: 'system', content: 'late' },
            { role: 'user', content: 'last' },
          ];
    const answer = await send(path, spoken(path, { ...valid, messages }));
    expect(answer.status).toBe(200);
  });

  it('passes an unknown but well-formed model id to the upstream', async () => {
    const before = service.sim.witness().overall.requests;
    await send(path, spoken(path, { ...valid, model: `claude-future-${7 + paths.indexOf(path)}` }));
    expect(service.sim.witness().overall.requests).toBe(before + 1);
  });

  it('answers 401 with one and the same text to no, wrong and malformed keys', async () => {
    const texts = new Set<string>();
    for (const authorization of ['', 'Bearer ', 'Bearer sk-wrong', `Bearer ${'x'.repeat(10_000)}`, 'Basic abc']) {
      const answer = await send(path, valid, { authorization });
      expect(answer.status).toBe(401);
      expectShape(path, answer.body);
      texts.add(answer.body.error.message);
    }
    expect(texts.size).toBe(1);
  });

  it('never answers 5xx to any JSON (property)', async () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    const body = fc.oneof(
      json,
      fc.record(
        {
          model: fc.oneof(fc.constant('claude-sonnet-4-5'), json),
          messages: fc.array(fc.record({ role: fc.oneof(fc.constantFrom('user', 'assistant', 'system', 'tool'), json), content: json }), {
            maxLength: 4,
          }),
          tools: json,
          stream: fc.constant(false),
          max_tokens: json,
        },
        { requiredKeys: ['model', 'messages'] },
      ),
    );
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        const answer = await send(path, spoken(path, value));
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

describe('other paths', () => {
  it('answers an unknown /v1 path 404 and a wrong method 405, shaped', async () => {
    const unknown = await send('/v1/nothing', {});
    expect(unknown.status).toBe(404);
    expectShape('/v1/nothing', unknown.body);
    const wrong = await fetch(`${service.url}/v1/messages`, { method: 'GET', headers: { authorization: `Bearer ${key}` } });
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('content-type')).toContain('application/json');
  });

  it('drops a connection that speaks no HTTP without harm', async () => {
    const { port } = new URL(service.url);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('\0\0nonsense\r\n\r\n'));
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400/);
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
  });
});
