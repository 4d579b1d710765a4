/** The official SDKs read what the renderers write, over real HTTP. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import type { ModelEvent } from '../../upstreams/define.js';
import { anthropicMessages } from './anthropicMessages.js';
import { context } from './contract.js';
import type { Dialect } from './define.js';
import { openaiChat } from './openaiChat.js';
import { openaiResponses } from './openaiResponses.js';

const reply: ModelEvent[] = [
  { type: 'thinking', text: 'Let me ' },
  { type: 'thinking', text: 'see.' },
  { type: 'thinking_signature', signature: 'sig==' },
  { type: 'text', text: 'Grüße, ' },
  { type: 'text', text: 'Welt 🌍\n\ndata: [DONE]' },
  { type: 'tool_start', id: 'tooluse_1', name: 'weather' },
  { type: 'tool_input', id: 'tooluse_1', json: '{"city":' },
  { type: 'tool_start', id: 'tooluse_2', name: 'now' },
  { type: 'tool_input', id: 'tooluse_1', json: '"Köln"}' },
  { type: 'tool_end', id: 'tooluse_2' },
  { type: 'tool_end', id: 'tooluse_1' },
  { type: 'usage', usage: { inputTokens: 20, outputTokens: 9, cacheReadTokens: 8, cacheWriteTokens: 0, estimated: true } },
  { type: 'metering', microCredits: 30_000 },
  { type: 'stop', reason: 'tool_use', sequence: null },
];

let server: Server;
let origin: string;

/** Parses with the dialect, then pipes its renderer; the model's name says what goes wrong. */
async function answer(dialect: Dialect, body: unknown, write: (status: number, text: string, type: string) => void): Promise<void> {
  const { request, stream, options } = dialect.parse(body, {});
  const call = { ...context, model: request.model, options };
  const failure = new AppError('pool_exhausted', { retryAfterSeconds: 7 });
  if (request.model === 'refused') {
    const { status, body: shaped } = dialect.error(failure, context.requestId);
    return write(status, JSON.stringify(shaped), 'application/json');
  }
  if (!stream) return write(200, JSON.stringify(dialect.whole(call, reply)), 'application/json');
  const renderer = dialect.stream(call);
  const events = request.model === 'cut' ? reply.slice(0, 4) : reply;
  let text = renderer.keepAlive() + renderer.start();
  for (const event of events) text += renderer.event(event) + renderer.keepAlive();
  text += request.model === 'cut' ? renderer.fail(failure) : renderer.end();
  write(200, text, 'text/event-stream');
}

beforeAll(async () => {
  server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const dialect = [openaiChat, openaiResponses, anthropicMessages].find((candidate) => candidate.endpoint === req.url);
      if (!dialect) return res.writeHead(404).end();
      void answer(dialect, JSON.parse(Buffer.concat(chunks).toString('utf8')), (status, text, type) => {
        res.writeHead(status, { 'content-type': type });
        // Cut at odd places, as networks do; also within characters.
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += 37) res.write(bytes.subarray(at, at + 37));
        res.end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});

describe('the openai client', () => {
  const client = (): OpenAI => new OpenAI({ apiKey: 'sk-test', baseURL: `${origin}/v1`, maxRetries: 0 });
  const weather = { type: 'function' as const, function: { name: 'weather', parameters: { type: 'object' } } };
  const body = { model: 'claude-sonnet-4.5', messages: [{ role: 'user' as const, content: 'hi' }], tools: [weather] };

  it('gets the same completion streamed and whole', async () => {
    const streamed = await client()
      .chat.completions.stream({ ...body, stream_options: { include_usage: true } })
      .finalChatCompletion();
    const whole = await client().chat.completions.create(body);
    const [one, other] = [streamed.choices[0], whole.choices[0]];
    expect(one?.message.content).toBe('Grüße, Welt 🌍\n\ndata: [DONE]');
    expect(one?.message.content).toBe(other?.message.content);
    expect(one?.finish_reason).toBe('tool_calls');
    expect(one?.message.tool_calls?.map((call) => (call.type === 'function' ? { id: call.id, ...call.function } : null))).toMatchObject([
      { id: 'tooluse_1', name: 'weather', arguments: '{"city":"Köln"}' },
      { id: 'tooluse_2', name: 'now', arguments: '{}' },
    ]);
    expect(one?.message.tool_calls).toMatchObject(other?.message.tool_calls ?? []);
    expect(streamed.usage).toEqual(whole.usage);
    expect(whole.usage).toMatchObject({
      prompt_tokens: 20,
      completion_tokens: 9,
      total_tokens: 29,
      prompt_tokens_details: { cached_tokens: 8 },
    });
    expect(other?.message).toMatchObject({ reasoning_content: 'Let me see.' });
  });

  it('throws an error that arrives in the stream', async () => {
    const stream = await client().chat.completions.create({ ...body, model: 'cut', stream: true });
    const read = async (): Promise<void> => {
      for await (const chunk of stream) void chunk;
    };
    await expect(read()).rejects.toMatchObject({ code: 'pool_exhausted', type: 'rate_limit_error' });
  });

  it('throws a refusal with status and code', async () => {
    await expect(client().chat.completions.create({ ...body, model: 'refused' })).rejects.toMatchObject({
      status: 429,
      code: 'pool_exhausted',
    });
  });
});

describe('the openai client on the Responses API', () => {
  const client = (): OpenAI => new OpenAI({ apiKey: 'sk-test', baseURL: `${origin}/v1`, maxRetries: 0 });
  const now = { type: 'custom' as const, name: 'now' };
  const body = { model: 'claude-opus-5', input: 'hi', tools: [now], include: ['reasoning.encrypted_content' as const] };

  it('gets the same response streamed and whole', async () => {
    const streamed = await client().responses.stream(body).finalResponse();
    const whole = await client().responses.create(body);
    expect(whole.output_text).toBe('Grüße, Welt 🌍\n\ndata: [DONE]');
    expect(whole.output).toMatchObject([
      { type: 'reasoning', summary: [{ text: 'Let me see.' }], encrypted_content: expect.stringContaining('sig==') },
      { type: 'message', content: [{ type: 'output_text', text: whole.output_text }] },
      { type: 'function_call', call_id: 'tooluse_1', name: 'weather', arguments: '{"city":"Köln"}' },
      { type: 'custom_tool_call', call_id: 'tooluse_2', name: 'now', input: '' },
    ]);
    expect(streamed.output_text).toBe(whole.output_text);
    expect(streamed.output).toMatchObject(whole.output);
    expect(streamed.usage).toEqual(whole.usage);
    expect(whole.usage).toMatchObject({ input_tokens: 20, output_tokens: 9, input_tokens_details: { cached_tokens: 8 } });
    expect(whole.error).toBeNull();
  });

  it('throws an error that arrives in the stream', async () => {
    const final = client()
      .responses.stream({ ...body, model: 'cut' })
      .finalResponse();
    await expect(final).rejects.toMatchObject({ code: 'pool_exhausted', type: 'rate_limit_error' });
  });

  it('throws a refusal with status and code', async () => {
    await expect(client().responses.create({ ...body, model: 'refused' })).rejects.toMatchObject({ status: 429, code: 'pool_exhausted' });
  });
});

describe('the anthropic client', () => {
  const client = (): Anthropic => new Anthropic({ apiKey: 'sk-test', baseURL: origin, maxRetries: 0 });
  const body = { model: 'claude-opus-5', max_tokens: 100, messages: [{ role: 'user' as const, content: 'hi' }] };

  it('gets the same message streamed and whole', async () => {
    const streamed = await client().messages.stream(body).finalMessage();
    const whole = await client().messages.create(body);
    expect(streamed.content).toEqual([
      { type: 'thinking', thinking: 'Let me see.', signature: 'sig==' },
      { type: 'text', text: 'Grüße, Welt 🌍\n\ndata: [DONE]' },
      { type: 'tool_use', id: 'tooluse_1', name: 'weather', input: { city: 'Köln' } },
      { type: 'tool_use', id: 'tooluse_2', name: 'now', input: {} },
    ]);
    expect(streamed.content).toEqual(whole.content);
    expect(streamed.stop_reason).toBe('tool_use');
    expect(whole.stop_reason).toBe('tool_use');
    expect(whole.usage).toMatchObject({
      input_tokens: 12,
      cache_read_input_tokens: 8,
      output_tokens: 9,
      kirogate: { estimated: true, credits: 0.03 },
    });
    expect(streamed.usage).toMatchObject({ input_tokens: 12, cache_read_input_tokens: 8, output_tokens: 9 });
  });

  it('throws an error that arrives in the stream', async () => {
    const final = client()
      .messages.stream({ ...body, model: 'cut' })
      .finalMessage();
    await expect(final).rejects.toMatchObject({ error: { error: { type: 'rate_limit_error', code: 'pool_exhausted', retry_after: 7 } } });
  });

  it('throws a refusal with status and shape', async () => {
    await expect(client().messages.create({ ...body, model: 'refused' })).rejects.toMatchObject({
      status: 429,
      error: { type: 'error', error: { type: 'rate_limit_error', code: 'pool_exhausted' }, request_id: context.requestId },
    });
  });
});
