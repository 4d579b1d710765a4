/** Traces from outside: one from the client over each upstream attempt to the event, and nothing in them that is secret. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CollectedSpan, type Collector, startCollector } from './support/collector.js';
import { type Service, startService } from './support/service.js';
import { addTokens, ask, terminals } from './support/traffic.js';

const CLIENT_TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CLIENT_SPAN = '00f067aa0ba902b7';
const SERVER = 2;
const CLIENT = 3;
const PRODUCER = 4;

let collector: Collector;
let service: Service;
let key: string;
const requestIds: Record<'retried' | 'refused' | 'unsampled', string> = { retried: '', refused: '', unsampled: '' };
let events: Awaited<ReturnType<typeof terminals>>;

const send = (body: unknown, headers: Record<string, string>): Promise<Response> =>
  fetch(`${service.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const idOf = async (response: Response): Promise<string> => {
  await response.text();
  return response.headers.get('x-request-id') ?? '';
};
const spansOf = (requestId: string): CollectedSpan[] => {
  const root = collector.spans.find((span) => span.attributes['kirogate.request.id'] === requestId);
  return collector.spans.filter((span) => span.traceId === root?.traceId && (span === root || span.parentSpanId === root?.spanId));
};
const question = (content: string) => ({ model: 'claude-sonnet-4-5', max_tokens: 77, messages: [{ role: 'user', content }] });

beforeAll(async () => {
  collector = await startCollector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=one%20two' };
  service = await startService({ env });
  await addTokens(service, 2);
  ({ key } = await service.admin.member('caller'));
  service.sim.behave([{ error: { status: 500, reason: null, message: 'internal' } }]);
  const traceparent = `00-${CLIENT_TRACE}-${CLIENT_SPAN}-01`;
  requestIds.retried = await idOf(await send(question('a prompt nobody may see'), { traceparent }));
  requestIds.refused = await idOf(await send({ ...question('x'), model: 'no such model' }, {}));
  requestIds.unsampled = await idOf(await send(question('not sampled'), { traceparent: `00-${'a'.repeat(32)}-${CLIENT_SPAN}-00` }));
  events = await terminals(service, 2);
  await service.stop();
});
afterAll(() => collector.close());

describe('a request with a trace of its own', () => {
  it('joins it: the request under the span of the client, one span for each attempt, one for the event', () => {
    const [root, ...inside] = spansOf(requestIds.retried).sort((a, b) => a.kind - b.kind);
    expect(root).toMatchObject({ name: 'POST /v1/messages', kind: SERVER, traceId: CLIENT_TRACE, parentSpanId: CLIENT_SPAN });
    expect(root?.attributes).toMatchObject({ 'http.response.status_code': 200, 'http.route': '/v1/messages' });
    expect(inside.map((span) => span.kind)).toEqual([CLIENT, CLIENT, PRODUCER]);
    expect(inside.every((span) => span.traceId === CLIENT_TRACE && span.parentSpanId === root?.spanId)).toBe(true);
  });

  it('names its attempts by the conventions for generative AI: the one that failed, and the one that served with its use', () => {
    const attempts = spansOf(requestIds.retried).filter((span) => span.kind === CLIENT);
    const terminal = events.find((event) => event.data.requestId === requestIds.retried);
    expect(attempts.map((span) => span.name)).toEqual(['chat claude-sonnet-4-5', 'chat claude-sonnet-4-5']);
    expect(attempts[0]?.attributes).toMatchObject({ 'http.response.status_code': 500, 'error.type': 'transient' });
    expect(attempts[0]?.status.code).toBe(2);
    expect(attempts[1]?.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'kiro',
      'gen_ai.request.model': 'claude-sonnet-4-5',
      'gen_ai.request.max_tokens': 77,
      'gen_ai.usage.output_tokens': expect.any(Number),
      'kirogate.token.id': terminal?.data.tokenId,
    });
    expect(attempts[0]?.attributes['gen_ai.usage.output_tokens']).toBeUndefined();
  });

  it('leads to its event', async () => {
    const produced = spansOf(requestIds.retried).find((span) => span.kind === PRODUCER);
    const terminal = events.find((event) => event.data.requestId === requestIds.retried) as unknown as { id: string };
    expect(produced?.name).toBe('CloudEvents Create kirogate.token.used');
    expect(produced?.attributes['cloudevents.event_id']).toBe(terminal.id);
  });

  it('that was not to be sampled is not', () => {
    expect(spansOf(requestIds.unsampled)).toEqual([]);
  });
});

describe('a request without one', () => {
  it('has its own id as the id of its trace, also when it is refused', () => {
    const spans = spansOf(requestIds.refused);
    expect(spans).toHaveLength(1);
    expect(spans[0]).toMatchObject({ kind: SERVER, traceId: requestIds.refused.replaceAll('-', '') });
    expect(spans[0]?.parentSpanId ?? '').toBe('');
    expect(spans[0]?.attributes).toMatchObject({ 'http.response.status_code': 404, 'error.type': 'model_not_found' });
  });
});

describe('what a collector gets', () => {
  it('says which node it comes from, with the headers that the environment gives', () => {
    expect(collector.spans[0]?.resource).toMatchObject({ 'service.name': 'kirogate', 'service.instance.id': 'test-node' });
    expect(collector.headers[0]?.['x-tenant']).toBe('one two');
  });

  it('holds no prompt, no reply and no secret', () => {
    expect(collector.text()).not.toContain('nobody may see');
    expect(collector.text()).not.toContain(key);
    expect(collector.text()).not.toMatch(/sk-|refresh|Bearer/i);
  });
});

describe('a collector that is away', () => {
  it('costs no request, and is told in the log', async () => {
    const other = await startService({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' } });
    await addTokens(other, 1);
    const caller = await other.admin.member('caller');
    for (const text of ['one', 'two']) expect((await ask(other.url, caller.key, text)).status).toBe(200);
    await other.stop();
    expect(other.logs()).toContain('the last traces could not be sent');
  });
});
