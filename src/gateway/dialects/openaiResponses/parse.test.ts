/** What `POST /v1/responses` takes, what it means inside, and what it refuses on which field. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../errors.js';
import type { ModelRequest } from '../../../upstreams/define.js';
import { responsesError } from './error.js';
import { parseResponses } from './parse.js';

const hello = { role: 'user', content: 'hello' };

function parsed(body: object, headers = {}): ModelRequest {
  return parseResponses({ model: 'auto', input: [hello], ...body }, headers).request;
}

function fault(body: unknown): { param: string | undefined; message: string } {
  try {
    parseResponses(body, {});
  } catch (error) {
    if (error instanceof AppError) return { param: error.param, message: error.message };
    throw error;
  }
  throw new Error('was not refused');
}

const faultOf = (body: object): string | undefined => fault({ model: 'auto', input: [hello], ...body }).param;

describe('refusals', () => {
  it.each([null, 'text', 7, [], undefined])('name the body when it is no object: %j', (body) => {
    expect(fault(body).param).toBe('body');
  });

  it.each([
    [{ model: undefined }, 'model'],
    [{ input: undefined }, 'input'],
    [{ input: [] }, 'input'],
    [{ input: '' }, 'input'],
    [{ input: 7 }, 'input'],
    [{ input: ['hi'] }, 'input[0]'],
    [{ input: [{}] }, 'input[0].type'],
    [{ input: [{ type: 'message', role: 'wizard', content: 'hi' }] }, 'input[0].role'],
    [{ input: [{ role: 'user', content: 7 }] }, 'input[0].content'],
    [{ input: [hello, { role: 'user', content: [{ type: 'video' }] }] }, 'input[1].content[0].type'],
    [{ input: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] }, 'input[0].content[0].type'],
    [
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'https://x.example/y.png' }] }] },
      'input[0].content[0].image_url',
    ],
    [{ input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'file-1' }] }] }, 'input[0].content[0].file_id'],
    [{ input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file-1' }] }] }, 'input[0].content[0].file_id'],
    [{ input: [{ role: 'user', content: [{ type: 'input_file', file_url: 'https://x' }] }] }, 'input[0].content[0].file_data'],
    [{ input: [hello, { type: 'function_call', name: 'f', arguments: '{}' }] }, 'input[1].call_id'],
    [{ input: [hello, { type: 'function_call', call_id: 'c', arguments: '{}' }] }, 'input[1].name'],
    [{ input: [hello, { type: 'function_call', call_id: 'c', name: 'f', arguments: 7 }] }, 'input[1].arguments'],
    [{ input: [hello, { type: 'custom_tool_call', call_id: 'c', name: 'f', input: {} }] }, 'input[1].input'],
    [{ input: [hello, { type: 'function_call_output', output: 'x' }] }, 'input[1].call_id'],
    [
      { input: [hello, { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_image', image_url: 'https://x' }] }] },
      'input[1].output[0].image_url',
    ],
    [{ input: [hello, { type: 'reasoning', summary: 'x' }] }, 'input[1].summary'],
    [{ input: [hello, { type: 'item_reference', id: 'msg_1' }] }, 'input[1]'],
    [{ input: [hello, { type: 'compaction', encrypted_content: 'x' }] }, 'input[1].type'],
    [{ stream: 'yes' }, 'stream'],
    [{ instructions: 7 }, 'instructions'],
    [{ max_output_tokens: 0 }, 'max_output_tokens'],
    [{ temperature: 2.1 }, 'temperature'],
    [{ top_p: -0.1 }, 'top_p'],
    [{ reasoning: { effort: 'frantic' } }, 'reasoning.effort'],
    [{ reasoning: { summary: 'long' } }, 'reasoning.summary'],
    [{ text: { format: { type: 'xml' } } }, 'text.format.type'],
    [{ text: { verbosity: 'loud' } }, 'text.verbosity'],
    [{ truncation: 'some' }, 'truncation'],
    [{ metadata: { a: 1 } }, 'metadata.a'],
    [{ tools: {} }, 'tools'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].name'],
    [{ tools: [{ type: 'function', name: 'f', parameters: 'x' }] }, 'tools[0].parameters'],
    [{ tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'mcp' }] }] }, 'tools[0].tools[0].type'],
    [{ tool_choice: 'sometimes' }, 'tool_choice'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tool_choice: { type: 'function', name: 'nobody' } }, 'tool_choice.name'],
    [{ tool_choice: { type: 'mcp', server_label: 'x' } }, 'tool_choice.type'],
  ])('%j → %s', (body, param) => {
    expect(faultOf(body)).toBe(param);
  });

  it.each([
    [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
    [{ conversation: 'conv_1' }, 'conversation'],
    [{ background: true }, 'background'],
    [{ prompt: { id: 'pmpt_1' } }, 'prompt'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ include: ['reasoning.encrypted_content', 'message.output_text.logprobs'] }, 'include[1]'],
    [{ moderation: { model: 'x' } }, 'moderation'],
    [{ context_management: [{ type: 'compaction' }] }, 'context_management'],
  ])('%j cannot be honoured and is named', (body, param) => {
    expect(faultOf(body)).toBe(param);
  });

  it.each(['mcp', 'file_search', 'code_interpreter', 'computer_use_preview', 'local_shell', 'shell', 'apply_patch'])(
    'name a tool of type %s, which nobody here can run',
    (type) => {
      expect(faultOf({ tools: [{ type }] })).toBe('tools[0].type');
    },
  );

  it('say what to do about state that is not kept', () => {
    expect(fault({ model: 'auto', input: 'hi', previous_response_id: 'resp_1' }).message).toContain('send the whole conversation in input');
    expect(fault({ model: 'auto', input: [{ type: 'item_reference', id: 'x' }] }).message).toContain('store: false');
  });

  it('of an upstream name the list as it is called here', () => {
    const error = new AppError('invalid_request', { message: 'messages[1].content: is no image', param: 'messages[1].content' });
    expect(responsesError(error).body).toMatchObject({
      error: {
        message: 'input[1].content: is no image',
        param: 'input[1].content',
        type: 'invalid_request_error',
        code: 'invalid_request',
      },
    });
  });

  it('take what is nested without end before it is repeated', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`) as unknown;
    expect(faultOf({ tools: [{ type: 'web_search', filters: deep }] })).toBe('tools');
    expect(faultOf({ tools: [{ type: 'function', name: 'f', parameters: deep }] })).toBe('tools[0].parameters');
    expect(faultOf({ tools: [{ type: 'custom', name: 'f', format: { type: 'grammar', definition: deep } }] })).toBe('tools[0].format');
    expect(faultOf({ text: { format: { type: 'text', deep } } })).toBe('text');
    expect(faultOf({ input: [hello, { type: 'function_call_output', call_id: 'c', output: [{ deep }] }] })).toBe('input[1].output[0]');
  });
});

describe('options', () => {
  it('that only tune, or are about storing, are accepted', () => {
    const labels = { store: true, service_tier: 'auto', truncation: 'auto', metadata: { a: 'b' }, max_tool_calls: 3, unheard_of: [1] };
    expect(parsed({ ...labels, include: ['web_search_call.results'], background: false, top_logprobs: 0 })).toMatchObject({
      model: 'auto',
      temperature: null,
      stop: [],
      maxTokens: null,
      thinking: null,
    });
  });

  it('may all be null', () => {
    const names = [
      'instructions',
      'max_output_tokens',
      'temperature',
      'top_p',
      'reasoning',
      'text',
      'include',
      'metadata',
      'store',
      'tools',
    ];
    const more = [
      'truncation',
      'tool_choice',
      'parallel_tool_calls',
      'previous_response_id',
      'conversation',
      'background',
      'prompt',
      'stream',
    ];
    expect(() => parsed(Object.fromEntries([...names, ...more].map((name) => [name, null])))).not.toThrow();
  });

  it('become the internal form', () => {
    const asked = { max_output_tokens: 9, temperature: 0.5, top_p: 0.9, parallel_tool_calls: false, reasoning: { effort: 'minimal' } };
    expect(parsed(asked)).toMatchObject({
      maxTokens: 9,
      temperature: 0.5,
      topP: 0.9,
      singleTool: true,
      thinking: { enabled: true, effort: 'low', budgetTokens: null },
    });
    expect(parsed({ reasoning: { effort: 'none', summary: 'auto' } }).thinking).toMatchObject({ enabled: false });
    expect(parsed({ reasoning: { summary: 'auto' } }).thinking).toEqual({ enabled: true, effort: null, budgetTokens: null });
    expect(parsed({ reasoning: {} }).thinking).toBeNull();
  });

  it('ask for JSON in the system text', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const request = parsed({ instructions: 'Be brief.', text: { format: { type: 'json_schema', name: 'x', schema, strict: true } } });
    expect(request.system[0]?.text).toBe('Be brief.');
    expect(request.system[1]?.text).toContain(JSON.stringify(schema));
    expect(parsed({ text: { format: { type: 'text' }, verbosity: 'low' } }).system).toEqual([]);
  });

  it('pitfall 23: prompt_cache_key names the conversation, else its beginning does', () => {
    expect(parsed({ prompt_cache_key: 'thread-7' }).conversation).toBe('thread-7');
    const later = [hello, { role: 'assistant', content: 'hi' }, { role: 'user', content: 'more' }];
    expect(parsed({ input: later }).conversation).toBe(parsed({}).conversation);
    expect(parsed({ user: 'u1' }).conversation).not.toBe(parsed({}).conversation);
  });
});

describe('input', () => {
  it('is a text, or messages in easy and full form', () => {
    const turn = { role: 'user', parts: [{ type: 'text', text: 'hello' }], index: 0 };
    expect(parsed({ input: 'hello' }).messages).toEqual([turn]);
    expect(parsed({ input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] }] }).messages).toEqual([
      turn,
    ]);
    const reply = {
      type: 'message',
      id: 'msg_1',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'hi', annotations: [] }],
    };
    expect(parsed({ input: [hello, reply, hello] }).messages.map((message) => message.role)).toEqual(['user', 'assistant', 'user']);
  });

  it('pitfall 7: instructions and leading developer messages are system text, late ones stay in place', () => {
    const request = parsed({
      instructions: 'a',
      input: [{ role: 'developer', content: 'b' }, hello, { role: 'system', content: [{ type: 'input_text', text: 'late' }] }],
    });
    expect(request.system.map((part) => part.text)).toEqual(['a', 'b']);
    expect(request.messages.at(-1)).toEqual({ role: 'user', parts: [{ type: 'text', text: 'late' }], index: 2 });
    const only = parsed({ instructions: 'a', input: [{ role: 'system', content: 'b' }] });
    expect(only).toMatchObject({ system: [{ text: 'a' }], messages: [{ role: 'user', parts: [{ text: 'b' }] }] });
  });

  it('holds images and text files as data: URLs', () => {
    const content = [
      { type: 'input_image', detail: 'auto', image_url: 'data:image/png;base64,iVBORw0KGgo=' },
      { type: 'input_file', filename: 'a.txt', file_data: `data:text/plain;base64,${Buffer.from('notes').toString('base64')}` },
    ];
    expect(parsed({ input: [{ role: 'user', content }] }).messages[0]?.parts).toEqual([
      { type: 'image', mediaType: 'image/png', data: 'iVBORw0KGgo=' },
      { type: 'text', text: 'a.txt\nnotes' },
    ]);
  });

  it('holds what the model did in one go as one turn, thinking first', () => {
    const request = parsed({
      input: [
        hello,
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'gAAAAB-of-another-provider' },
        { role: 'assistant', content: [{ type: 'output_text', text: 'I call.' }] },
        { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'f', arguments: '{"a":1}', status: 'completed' },
        { type: 'function_call', call_id: 'c2', name: 'list', namespace: 'mcp__files', arguments: '' },
        { type: 'custom_tool_call', call_id: 'c3', name: 'apply_patch', input: '*** Begin' },
        { type: 'function_call_output', call_id: 'c1', output: 'one' },
        {
          type: 'function_call_output',
          call_id: 'c2',
          output: [
            { type: 'input_text', text: 'two' },
            { type: 'input_image', image_url: 'data:image/gif;base64,AAAA' },
          ],
        },
        { type: 'custom_tool_call_output', call_id: 'c3', output: { content: 'three', success: false } },
        { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'x' } },
      ],
    });
    const result = (id: string, content: unknown[], isError = false) => ({
      role: 'user',
      parts: [{ type: 'tool_result', toolUseId: id, isError, content }],
    });
    expect(request.messages.slice(1)).toMatchObject([
      {
        role: 'assistant',
        parts: [
          { type: 'thinking', text: 'hm', signature: null },
          { type: 'text', text: 'I call.' },
          { type: 'tool_use', id: 'c1', name: 'f', input: { a: 1 } },
          { type: 'tool_use', id: 'c2', name: 'mcp__files__list', input: {} },
          { type: 'tool_use', id: 'c3', name: 'apply_patch', input: { input: '*** Begin' } },
        ],
      },
      result('c1', [{ type: 'text', text: 'one' }]),
      result('c2', [
        { type: 'text', text: 'two' },
        { type: 'image', mediaType: 'image/gif', data: 'AAAA' },
      ]),
      result('c3', [{ type: 'text', text: 'three' }], true),
    ]);
  });
});

describe('tools', () => {
  const parameters = { type: 'object', properties: { a: { type: 'string' } } };

  it('are functions, flat or wrapped as chat completions have them', () => {
    const tool = { name: 'f', description: 'd', inputSchema: parameters };
    expect(parsed({ tools: [{ type: 'function', name: 'f', description: 'd', parameters, strict: true }] }).tools).toEqual([tool]);
    expect(parsed({ tools: [{ type: 'function', function: { name: 'f', description: 'd', parameters } }] }).tools).toEqual([tool]);
    expect(parsed({ tools: [{ type: 'function', name: 'f', parameters: null }] }).tools[0]?.inputSchema).toEqual({
      type: 'object',
      properties: {},
    });
  });

  it('that take raw text become functions with one string, the grammar in words', () => {
    const format = { type: 'grammar', syntax: 'lark', definition: 'start: /x/' };
    const [tool] = parsed({ tools: [{ type: 'custom', name: 'apply_patch', description: 'Edits files.', format }] }).tools;
    expect(tool).toMatchObject({ name: 'apply_patch', inputSchema: { required: ['input'], properties: { input: { type: 'string' } } } });
    expect(tool?.description).toMatch(/^Edits files\.\n.*`input`.*\n.*lark grammar:\nstart: \/x\/$/);
  });

  it('of OpenAI itself that Codex offers by default are left out; what it cannot find by search is offered at once', () => {
    const request = parsed({
      tools: [
        { type: 'web_search', external_web_access: false },
        { type: 'web_search_preview' },
        { type: 'image_generation' },
        { type: 'tool_search' },
      ],
      tool_choice: { type: 'web_search' },
      input: [
        { type: 'additional_tools', role: 'developer', tools: [{ type: 'function', name: 'f', parameters }] },
        hello,
        { type: 'tool_search_output', tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'g', parameters }] }] },
      ],
    });
    expect(request.tools.map((tool) => tool.name)).toEqual(['f', 'n__g']);
    expect(request.toolChoice).toEqual({ type: 'auto' });
  });

  it('are searched by the client where it says so, and what it found is told and offered', () => {
    const request = parsed({
      tools: [{ type: 'tool_search', execution: 'client', description: 'Finds tools.', parameters }],
      input: [
        hello,
        { type: 'tool_search_call', call_id: 's1', execution: 'client', status: 'completed', arguments: { query: 'x' } },
        { type: 'tool_search_output', call_id: 's1', tools: [{ type: 'namespace', name: 'n', tools: [{ name: 'g', parameters }] }] },
      ],
    });
    expect(request.tools).toMatchObject([{ name: 'tool_search', description: 'Finds tools.', inputSchema: parameters }, { name: 'n__g' }]);
    expect(request.messages.slice(1)).toMatchObject([
      { role: 'assistant', parts: [{ type: 'tool_use', id: 's1', name: 'tool_search', input: { query: 'x' } }] },
      { role: 'user', parts: [{ type: 'tool_result', toolUseId: 's1', content: [{ text: 'These tools can be called now: n__g' }] }] },
    ]);
  });

  it('pitfall 21: the choice is kept in every spelling', () => {
    const tools = [
      { type: 'function', name: 'f', parameters },
      { type: 'custom', name: 'c' },
      { type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'g', parameters }] },
    ];
    const choice = (value: unknown): unknown => parsed({ tools, tool_choice: value }).toolChoice;
    expect(choice('none')).toEqual({ type: 'none' });
    expect(choice('required')).toEqual({ type: 'any' });
    expect(choice({ type: 'function', name: 'f' })).toEqual({ type: 'tool', name: 'f' });
    expect(choice({ type: 'custom', name: 'c' })).toEqual({ type: 'tool', name: 'c' });
    expect(choice({ type: 'function', namespace: 'n', name: 'g' })).toEqual({ type: 'tool', name: 'n__g' });
    const allowed = parsed({ tools, tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'custom', name: 'c' }] } });
    expect(allowed).toMatchObject({ toolChoice: { type: 'any' }, tools: [{ name: 'c' }] });
  });
});
