/** The official SDKs through a whole node against the simulator, and what the read models say of each request afterwards. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Service, startService } from './support/service.js';
import { until } from './support/until.js';

/** A 1×1 PNG. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let service: Service;
let member: { userId: string; keyId: string; key: string };
let tokenId: string;
let openai: OpenAI;
let anthropic: Anthropic;
const requestIds: string[] = [];

beforeAll(async () => {
  service = await startService();
  const credential = service.sim.addCredential({ kind: 'social' });
  const token = await service.admin.post<{ id: string }>('/admin/api/tokens', {
    provider: 'kiro',
    authType: 'social',
    refreshToken: credential.refreshToken,
    visibility: 'public',
  });
  tokenId = token.id;
  member = await service.admin.member('sdk');
  openai = new OpenAI({ apiKey: member.key, baseURL: `${service.url}/v1`, maxRetries: 0 });
  anthropic = new Anthropic({ apiKey: member.key, baseURL: service.url, maxRetries: 0 });
});
afterAll(() => service.stop());

const remember = (response: Response): void => {
  requestIds.push(response.headers.get('x-request-id') ?? 'none');
};

const tool = {
  name: 'get_weather',
  description: 'Weather of a city',
  schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
};
const callTool = '[[sim tool get_weather {"city":"Ulm"}]] What is the weather?';

describe('the official openai client', () => {
  const model = 'claude-sonnet-4-5';

  it('does text', async () => {
    const { data, response } = await openai.chat.completions
      .create({ model, messages: [{ role: 'user', content: 'Hello there' }] })
      .withResponse();
    remember(response);
    expect(data.choices[0]?.message.content).toContain('Hello there');
    expect(data.choices[0]?.finish_reason).toBe('stop');
    expect(data.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('streams text, and the usage chunk when asked for', async () => {
    const { data, response } = await openai.chat.completions
      .create({ model, messages: [{ role: 'user', content: 'Stream this' }], stream: true, stream_options: { include_usage: true } })
      .withResponse();
    remember(response);
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of data) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toContain('Stream this');
    expect(usage?.completion_tokens).toBeGreaterThan(0);
  });

  it('does a tool round trip, streamed', async () => {
    const tools = [{ type: 'function' as const, function: { name: tool.name, description: tool.description, parameters: tool.schema } }];
    const messages: OpenAI.ChatCompletionMessageParam[] = [
      { role: 'system', content: 'You know the weather.' },
      { role: 'user', content: callTool },
    ];
    const stream = openai.chat.completions.stream({ model, messages, tools });
    const first = await stream.finalChatCompletion();
    const call = first.choices[0]?.message.tool_calls?.[0];
    expect(first.choices[0]?.finish_reason).toBe('tool_calls');
    expect(call).toMatchObject({ type: 'function', function: { name: 'get_weather' } });
    expect(JSON.parse(call?.type === 'function' ? call.function.arguments : '')).toEqual({ city: 'Ulm' });
    const { data, response } = await openai.chat.completions
      .create({
        model,
        tools,
        messages: [
          ...messages,
          first.choices[0]?.message as OpenAI.ChatCompletionMessageParam,
          { role: 'tool', tool_call_id: call?.id ?? '', content: 'sunny, 21 °C' },
        ],
      })
      .withResponse();
    remember(response);
    expect(data.choices[0]?.message.content).toContain('sunny, 21 °C');
  });

  it('does an image', async () => {
    const { data, response } = await openai.chat.completions
      .create({
        model,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
            ],
          },
        ],
      })
      .withResponse();
    remember(response);
    expect(data.choices[0]?.message.content).toMatch(/png/i);
  });

  it('does thinking, streamed', async () => {
    const { data, response } = await openai.chat.completions
      .create({
        model: 'claude-opus-4.7',
        messages: [{ role: 'user', content: '[[sim think I ponder.]] Why?' }],
        reasoning_effort: 'high',
        stream: true,
      })
      .withResponse();
    remember(response);
    let thinking = '';
    for await (const chunk of data)
      thinking += (chunk.choices[0]?.delta as { reasoning_content?: string } | undefined)?.reasoning_content ?? '';
    expect(thinking).toContain('I ponder.');
  });
});

describe('the official openai client on the Responses API', () => {
  const model = 'claude-sonnet-4-5';

  it('does text and an image', async () => {
    const { data, response } = await openai.responses
      .create({
        model,
        instructions: 'Be kind.',
        input: [
          {
            role: 'user',
            content: [
              { type: 'input_text', text: 'What is this?' },
              { type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${PNG}` },
            ],
          },
        ],
      })
      .withResponse();
    remember(response);
    expect(data).toMatchObject({ object: 'response', status: 'completed', instructions: 'Be kind.' });
    expect(data.output_text).toMatch(/png/i);
    expect(data.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('does a tool round trip, streamed', async () => {
    const tools = [{ type: 'function' as const, name: tool.name, description: tool.description, parameters: tool.schema, strict: false }];
    const first = await openai.responses.stream({ model, input: callTool, tools }).finalResponse();
    const call = first.output.find((item) => item.type === 'function_call');
    expect(call).toMatchObject({ name: 'get_weather', status: 'completed' });
    expect(JSON.parse(call?.arguments ?? '')).toEqual({ city: 'Ulm' });
    const { data, response } = await openai.responses
      .create({
        model,
        tools,
        input: [
          { role: 'user', content: callTool },
          { type: 'function_call', call_id: call?.call_id ?? '', name: tool.name, arguments: call?.arguments ?? '' },
          { type: 'function_call_output', call_id: call?.call_id ?? '', output: [{ type: 'input_text', text: 'sunny, 21 °C' }] },
        ],
      })
      .withResponse();
    remember(response);
    expect(data.output_text).toContain('sunny, 21 °C');
  });

  it('does thinking, streamed, and takes it back', async () => {
    const asked: OpenAI.Responses.ResponseInput = [{ role: 'user', content: '[[sim think I ponder.]] Why?' }];
    const options = { model: 'claude-opus-4.7', reasoning: { effort: 'high' as const, summary: 'auto' as const }, store: false };
    const include = ['reasoning.encrypted_content' as const];
    const stream = openai.responses.stream({ ...options, include, input: asked });
    let thinking = '';
    stream.on('response.reasoning_summary_text.delta', (event) => (thinking += event.delta));
    const first = await stream.finalResponse();
    expect(thinking).toContain('I ponder.');
    expect(first.output[0]).toMatchObject({ type: 'reasoning', encrypted_content: expect.any(String) });
    const again = [...asked, ...(first.output as OpenAI.Responses.ResponseInput), { role: 'user' as const, content: 'And now?' }];
    const { data, response } = await openai.responses.create({ ...options, include, input: again }).withResponse();
    remember(response);
    expect(data.status).toBe('completed');
  });
});

describe('the official @anthropic-ai/sdk client', () => {
  const model = 'claude-sonnet-4-5-20250929';

  it('does text', async () => {
    const { data, response } = await anthropic.messages
      .create({
        model,
        max_tokens: 500,
        system: [{ type: 'text', text: 'Be kind.' }],
        messages: [{ role: 'user', content: 'Hello there' }],
      })
      .withResponse();
    remember(response);
    expect(data.content[0]).toMatchObject({ type: 'text' });
    expect(JSON.stringify(data.content)).toContain('Hello there');
    expect(data.stop_reason).toBe('end_turn');
  });

  it('streams text', async () => {
    const stream = anthropic.messages.stream({ model, max_tokens: 500, messages: [{ role: 'user', content: 'Stream this' }] });
    const message = await stream.finalMessage();
    remember((await stream.withResponse()).response);
    expect(JSON.stringify(message.content)).toContain('Stream this');
    expect(message.usage.output_tokens).toBeGreaterThan(0);
  });

  it('does a tool round trip, streamed', async () => {
    const tools = [{ name: tool.name, description: tool.description, input_schema: tool.schema }];
    const first = await anthropic.messages
      .stream({ model, max_tokens: 500, tools, messages: [{ role: 'user', content: callTool }] })
      .finalMessage();
    const use = first.content.find((block) => block.type === 'tool_use');
    expect(first.stop_reason).toBe('tool_use');
    expect(use).toMatchObject({ name: 'get_weather', input: { city: 'Ulm' } });
    const { data, response } = await anthropic.messages
      .create({
        model,
        max_tokens: 500,
        tools,
        messages: [
          { role: 'user', content: callTool },
          { role: 'assistant', content: first.content as Anthropic.ContentBlockParam[] },
          {
            role: 'user',
            content: [{ type: 'tool_result', tool_use_id: use?.type === 'tool_use' ? use.id : '', content: 'sunny, 21 °C' }],
          },
        ],
      })
      .withResponse();
    remember(response);
    expect(JSON.stringify(data.content)).toContain('sunny, 21 °C');
  });

  it('does an image', async () => {
    const { data, response } = await anthropic.messages
      .create({
        model,
        max_tokens: 500,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
              { type: 'text', text: 'What is this?' },
            ],
          },
        ],
      })
      .withResponse();
    remember(response);
    expect(JSON.stringify(data.content)).toMatch(/png/i);
  });

  it('does thinking, streamed', async () => {
    const stream = anthropic.messages.stream({
      model: 'claude-opus-4.7',
      max_tokens: 4000,
      thinking: { type: 'enabled', budget_tokens: 2000 },
      messages: [{ role: 'user', content: '[[sim think I ponder.]] Why?' }],
    });
    const message = await stream.finalMessage();
    remember((await stream.withResponse()).response);
    expect(message.content[0]).toMatchObject({ type: 'thinking', thinking: expect.stringContaining('I ponder.') });
  });

  it('counts tokens and lists models', async () => {
    const counted = await anthropic.messages.countTokens({ model, messages: [{ role: 'user', content: 'Hello there' }] });
    expect(counted.input_tokens).toBeGreaterThan(0);
    expect((await anthropic.models.list()).data.length).toBeGreaterThan(3);
    expect((await openai.models.list()).data.length).toBeGreaterThan(3);
  });
});

describe('afterwards', () => {
  interface Item {
    type: string;
    id: string;
    data: { requestId: string; decision: { chosen: string; candidates: unknown[] }; usage: { outputTokens: number; estimated: boolean } };
  }

  it('the archive holds exactly one terminal event with its decision record for each request', async () => {
    expect(requestIds).toHaveLength(13);
    for (const requestId of requestIds) {
      const events = await until(`the event of ${requestId}`, async () => {
        const page = await service.admin.get<{ items: Item[] }>(`/admin/api/events?correlationId=${requestId}`);
        return page.items.length > 0 ? page.items : undefined;
      });
      expect(events.map((event) => event.type)).toEqual(['kirogate.token.used']);
      expect(events[0]?.data.decision.chosen).toBe(tokenId);
      expect(events[0]?.data.decision.candidates.length).toBeGreaterThan(0);
    }
  });

  it('activity, statistics, quota use and token health agree with it', async () => {
    const used = await service.admin.all<Item>('/admin/api/events?types=kirogate.token.used');
    const total = used.length;
    expect(total).toBe(17);
    const activity = await service.admin.all(`/admin/api/activity?userId=${member.userId}`);
    expect(activity).toHaveLength(total);
    const metrics = await service.admin.get<{ totalRequests: number; successRate: number; byStatus: Record<string, number> }>(
      '/admin/api/metrics',
    );
    expect(metrics).toMatchObject({ totalRequests: total, successRate: 1, byStatus: { 200: total } });
    const [token] = await service.admin.all<{ id: string; successRate: number; rph: { used: number } }>('/admin/api/tokens');
    expect(token).toMatchObject({ id: tokenId, successRate: 1, rph: { used: total } });
    expect(service.sim.witness().overall.requests).toBe(total);
    const prometheus = await (await fetch(`${service.url}/metrics`)).text();
    const sum = [...prometheus.matchAll(/^kirogate_requests_total\{[^}]*\} (\d+)$/gm)].reduce((n, match) => n + Number(match[1]), 0);
    expect(sum).toBe(total);
  });
});
