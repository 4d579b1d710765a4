/** The exact events of a Responses stream, and what the response says of itself. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../errors.js';
import type { ModelEvent } from '../../../upstreams/define.js';
import { context, readFrames, rendered } from '../contract.js';
import { parseResponses } from './parse.js';
import { responsesStream } from './stream.js';
import { responsesWhole } from './whole.js';

interface Read {
  readonly type: string;
  readonly [member: string]: unknown;
}

const stop: ModelEvent = { type: 'stop', reason: 'end_turn', sequence: null };
const id = context.requestId.replaceAll('-', '');

/** A context as the pipeline makes it for this body. */
function contextFor(body: object): typeof context {
  const call = parseResponses({ model: 'auto', input: 'hi', ...body }, {});
  return { ...context, options: call.options };
}

function events(list: readonly ModelEvent[], body: object = {}): Read[] {
  return readFrames(rendered(responsesStream(contextFor(body)), list)).map((frame) => frame.data as Read);
}

const types = (list: readonly ModelEvent[], body: object = {}): string[] => events(list, body).map((event) => event.type);

describe('events', () => {
  it('of a text, each with its number, its place and its sum', () => {
    const list = events([{ type: 'text', text: 'a"\n' }, { type: 'text', text: 'b' }, stop]);
    expect(list.map((event) => event.sequence_number)).toEqual([...list.keys()]);
    const place = { item_id: `msg_${id}00`, output_index: 0, content_index: 0 };
    const part = { type: 'output_text', annotations: [], logprobs: [], text: 'a"\nb' };
    const item = { id: `msg_${id}00`, type: 'message', role: 'assistant', status: 'completed', content: [part] };
    expect(list.map(({ sequence_number: _, ...rest }) => rest)).toMatchObject([
      { type: 'response.created', response: { id: `resp_${id}`, status: 'in_progress', output: [], usage: null } },
      { type: 'response.in_progress', response: { id: `resp_${id}`, status: 'in_progress' } },
      { type: 'response.output_item.added', output_index: 0, item: { ...item, status: 'in_progress', content: [] } },
      { type: 'response.content_part.added', ...place, part: { ...part, text: '' } },
      { type: 'response.output_text.delta', ...place, delta: 'a"\n', logprobs: [] },
      { type: 'response.output_text.delta', ...place, delta: 'b', logprobs: [] },
      { type: 'response.output_text.done', ...place, text: 'a"\nb', logprobs: [] },
      { type: 'response.content_part.done', ...place, part },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: { status: 'completed', output: [item] } },
    ]);
  });

  it('of a call: arguments as text, also where there are none (pitfall 34)', () => {
    const list = events([{ type: 'tool_start', id: 'call_1', name: 'f' }, { type: 'tool_end', id: 'call_1' }, stop]);
    expect(list.slice(2).map((event) => event.type)).toEqual([
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(list.at(-2)?.item).toEqual({
      id: `fc_${id}00`,
      type: 'function_call',
      status: 'completed',
      call_id: 'call_1',
      name: 'f',
      arguments: '{}',
    });
  });

  it('of thinking: a summary, sealed with the signature only where the client asked for it', () => {
    const thought: ModelEvent[] = [
      { type: 'thinking', text: 'hm' },
      { type: 'thinking_signature', signature: 'sig' },
      { type: 'redacted_thinking', data: 'xx' },
      stop,
    ];
    expect(types(thought).slice(2, -1)).toEqual([
      'response.output_item.added',
      'response.reasoning_summary_part.added',
      'response.reasoning_summary_text.delta',
      'response.reasoning_summary_text.done',
      'response.reasoning_summary_part.done',
      'response.output_item.done',
    ]);
    const reasoning = { id: `rs_${id}00`, type: 'reasoning', status: 'completed', summary: [{ type: 'summary_text', text: 'hm' }] };
    expect(responsesWhole(context, thought)).toMatchObject({ output: [reasoning] });
    const sealed = responsesWhole(contextFor({ include: ['reasoning.encrypted_content'] }), thought) as { output: Read[] };
    expect(sealed.output).toMatchObject([
      { ...reasoning, encrypted_content: expect.stringContaining('sig') },
      { type: 'reasoning', summary: [], encrypted_content: expect.stringContaining('xx') },
    ]);
    const [, turn] = parseResponses({ model: 'auto', input: [{ role: 'user', content: 'hi' }, ...sealed.output] }, {}).request.messages;
    expect(turn?.parts).toEqual([
      { type: 'thinking', text: 'hm', signature: 'sig' },
      { type: 'redacted_thinking', data: 'xx' },
    ]);
  });

  it('of a free-form call: the raw text, not the JSON around it', () => {
    const tools = [{ type: 'custom', name: 'apply_patch', format: { type: 'grammar', syntax: 'lark', definition: 'start: /x/' } }];
    const called: ModelEvent[] = [
      { type: 'tool_start', id: 'c', name: 'apply_patch' },
      { type: 'tool_input', id: 'c', json: '{"input":"*** Begin\\n' },
      { type: 'tool_input', id: 'c', json: 'Patch"}' },
      { type: 'tool_end', id: 'c' },
      stop,
    ];
    const list = events(called, { tools });
    expect(list.slice(2, -1).map((event) => event.type)).toEqual([
      'response.output_item.added',
      'response.custom_tool_call_input.delta',
      'response.custom_tool_call_input.done',
      'response.output_item.done',
    ]);
    expect(list.at(-2)?.item).toMatchObject({ type: 'custom_tool_call', call_id: 'c', name: 'apply_patch', input: '*** Begin\nPatch' });
    const cut = events([...called.slice(0, 2), { ...stop, reason: 'max_tokens' }], { tools });
    expect(cut.at(-2)?.item).toMatchObject({ status: 'incomplete', input: '' });
  });

  it.each([
    ['{"patch":"x"}', 'x'],
    ['{}', ''],
    ['{"a":1,"b":2}', '{"a":1,"b":2}'],
    ['{"input":{"deep":1}}', '{"input":{"deep":1}}'],
    ['"raw"', '"raw"'],
  ])('a free-form call written as %s has the input %s', (json, input) => {
    const called: ModelEvent[] = [
      { type: 'tool_start', id: 'c', name: 'x' },
      { type: 'tool_input', id: 'c', json },
      { type: 'tool_end', id: 'c' },
    ];
    expect(events([...called, stop], { tools: [{ type: 'custom', name: 'x' }] }).at(-2)?.item).toMatchObject({ input });
  });

  it('pitfall 67: name a tool of a namespace as the client does', () => {
    const tools = [
      { type: 'namespace', name: 'mcp__files', description: 'd', tools: [{ type: 'function', name: 'list', parameters: null }] },
    ];
    const called: ModelEvent[] = [{ type: 'tool_start', id: 'c', name: 'mcp__files__list' }, { type: 'tool_end', id: 'c' }, stop];
    expect(events(called, { tools }).at(-2)?.item).toMatchObject({ type: 'function_call', namespace: 'mcp__files', name: 'list' });
  });

  it('of a search for tools: its arguments as an object, for the client to run', () => {
    const tools = [{ type: 'tool_search', execution: 'client', description: 'd', parameters: { type: 'object' } }];
    const called: ModelEvent[] = [
      { type: 'tool_start', id: 'c', name: 'tool_search' },
      { type: 'tool_input', id: 'c', json: '{"query":"calendar"}' },
      { type: 'tool_end', id: 'c' },
    ];
    const list = events([...called, stop], { tools });
    expect(list.slice(2, -1).map((event) => event.type)).toEqual(['response.output_item.added', 'response.output_item.done']);
    expect(list.at(-2)?.item).toEqual({
      id: `tsc_${id}00`,
      type: 'tool_search_call',
      status: 'completed',
      execution: 'client',
      call_id: 'c',
      arguments: { query: 'calendar' },
    });
  });

  it('of nothing: a response without items', () => {
    expect(types([stop])).toEqual(['response.created', 'response.in_progress', 'response.completed']);
  });
});

describe('the response', () => {
  it('repeats the parameters, and says what is not kept', () => {
    const tools = [{ type: 'function', name: 'f', parameters: { type: 'object' } }];
    const asked = { tools, instructions: 'Be brief.', metadata: { a: 'b' }, store: true, temperature: 0.5, user: 'u', truncation: 'auto' };
    const whole = responsesWhole(contextFor({ ...asked, text: { format: { type: 'json_object' } }, reasoning: { effort: 'low' } }), [stop]);
    expect(whole).toMatchObject({
      object: 'response',
      created_at: context.createdAt,
      model: context.model,
      status: 'completed',
      error: null,
      incomplete_details: null,
      ...asked,
      store: false,
      truncation: 'disabled',
      parallel_tool_calls: true,
      tool_choice: 'auto',
      top_p: 1,
      previous_response_id: null,
      text: { format: { type: 'json_object' }, verbosity: 'medium' },
      reasoning: { effort: 'low', summary: null },
    });
  });

  it('counts what the upstream told, thinking by its length, and marks estimates', () => {
    const told: ModelEvent[] = [
      { type: 'thinking', text: 'x'.repeat(12) },
      { type: 'text', text: 'ab' },
      { type: 'usage', usage: { inputTokens: 10, outputTokens: 4, cacheReadTokens: 6, cacheWriteTokens: 1, estimated: false } },
      { type: 'metering', microCredits: 250_000 },
      stop,
    ];
    expect(responsesWhole(context, told)).toMatchObject({
      usage: {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 6, cache_write_tokens: 1 },
        output_tokens: 4,
        output_tokens_details: { reasoning_tokens: 3 },
        total_tokens: 14,
        kirogate: { estimated: false, credits: 0.25 },
      },
    });
  });

  it.each([
    ['end_turn', 'response.completed', null],
    ['tool_use', 'response.completed', null],
    ['stop_sequence', 'response.completed', null],
    ['max_tokens', 'response.incomplete', 'max_output_tokens'],
    ['context_window', 'response.incomplete', 'max_output_tokens'],
    ['refusal', 'response.incomplete', 'content_filter'],
  ] as const)('of a reply that stops with %s is %s', (reason, type, why) => {
    const end = events([
      { type: 'text', text: 'a' },
      { type: 'stop', reason, sequence: null },
    ]).at(-1);
    const status = type.slice('response.'.length);
    expect(end).toMatchObject({
      type,
      response: { status, incomplete_details: why === null ? null : { reason: why }, output: [{ status }] },
    });
  });
});

describe('errors', () => {
  it('pitfall 45: within the stream close the open item, then tell SDKs and Codex each in their way', () => {
    const renderer = responsesStream(context);
    const text = renderer.start() + renderer.event({ type: 'text', text: 'half' });
    const list = readFrames(text + renderer.fail(new AppError('pool_exhausted', { retryAfterSeconds: 3 }))).map(
      (frame) => frame.data as Read,
    );
    const message = 'Every upstream token is at its limit or cooling down.';
    expect(list.slice(-3)).toMatchObject([
      { type: 'response.output_item.done', item: { status: 'incomplete', content: [{ text: 'half' }] } },
      {
        type: 'error',
        code: 'pool_exhausted',
        message,
        param: null,
        error: { type: 'rate_limit_error', code: 'pool_exhausted', message, param: null, retry_after: 3 },
      },
      {
        type: 'response.failed',
        response: { status: 'failed', error: { code: 'pool_exhausted', message }, output: [{ status: 'incomplete' }] },
      },
    ]);
    expect(list.map((event) => event.sequence_number)).toEqual([...list.keys()]);
  });

  it('pitfall 46: the keep-alive is a comment', () => {
    expect(responsesStream(context).keepAlive()).toBe(': keep-alive\n\n');
  });
});
