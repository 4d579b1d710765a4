/** Chat completion bodies, with the spellings clients really send, into the internal form. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../errors.js';
import type { ModelRequest } from '../../../upstreams/define.js';
import { parseChat } from './parse.js';

const hello = { role: 'user', content: 'hello' };

function parsed(body: object, headers = {}): ModelRequest {
  return parseChat({ model: 'auto', messages: [hello], ...body }, headers).request;
}

function fault(body: unknown): { param: string | undefined; message: string } {
  try {
    parseChat(body, {});
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_request') return { param: error.param, message: error.message };
    throw error;
  }
  throw new Error('the body was accepted');
}

const faultOf = (body: object): string | undefined => fault({ model: 'auto', messages: [hello], ...body }).param;

describe('bodies that are refused', () => {
  it.each([null, 'text', 7, [], undefined])('names the body when it is no object: %j', (body) => {
    expect(fault(body).param).toBe('body');
  });

  it.each([
    [{ model: undefined }, 'model'],
    [{ model: '' }, 'model'],
    [{ messages: undefined }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: ['hi'] }, 'messages[0]'],
    [{ messages: [{ role: 'wizard', content: 'hi' }] }, 'messages[0].role'],
    [{ messages: [hello, { role: 'user', content: 7 }] }, 'messages[1].content'],
    [{ messages: [hello, hello, { role: 'user', content: [{ type: 'video' }] }] }, 'messages[2].content[0].type'],
    [{ messages: [{ role: 'user', content: [{ type: 'text', text: 7 }] }] }, 'messages[0].content[0].text'],
    [{ messages: [hello, { role: 'tool', content: 'x' }] }, 'messages[1].tool_call_id'],
    [{ messages: [hello, { role: 'assistant', tool_calls: [{ id: 'a', function: {} }] }] }, 'messages[1].tool_calls[0].function.name'],
    [
      { messages: [hello, { role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'f', arguments: 7 } }] }] },
      'messages[1].tool_calls[0].function.arguments',
    ],
    [{ stream: 'yes' }, 'stream'],
    [{ stream_options: { include_usage: 'yes' } }, 'stream_options.include_usage'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_completion_tokens: -1 }, 'max_completion_tokens'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ temperature: 2.1 }, 'temperature'],
    [{ temperature: 'warm' }, 'temperature'],
    [{ top_p: -0.1 }, 'top_p'],
    [{ presence_penalty: 3 }, 'presence_penalty'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    [{ stop: 7 }, 'stop'],
    [{ reasoning_effort: 'frantic' }, 'reasoning_effort'],
    [{ tools: {} }, 'tools'],
    [{ tools: [{ type: 'function', function: { name: '' } }] }, 'tools[0].function.name'],
    [{ tools: [{ type: 'function', function: { name: 'f', parameters: 'x' } }] }, 'tools[0].function.parameters'],
    [{ tool_choice: 'sometimes' }, 'tool_choice'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tool_choice: { type: 'function', function: { name: 'nobody' } } }, 'tool_choice.function.name'],
    [{ response_format: { type: 'xml' } }, 'response_format.type'],
  ])('%j → %s', (body, param) => {
    expect(faultOf(body)).toBe(param);
  });

  it.each([
    [{ n: 2 }, 'n'],
    [{ n: 0 }, 'n'],
    [{ logprobs: true }, 'logprobs'],
    [{ top_logprobs: 3 }, 'top_logprobs'],
    [{ modalities: ['text', 'audio'] }, 'modalities[1]'],
    [{ audio: { voice: 'x', format: 'mp3' } }, 'audio'],
    [{ web_search_options: {} }, 'web_search_options'],
    [{ functions: [{ name: 'f' }] }, 'functions'],
    [{ messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }] }, 'messages[0].content[0].type'],
  ])('pitfall 51: %j cannot be honoured and is named', (body, param) => {
    expect(faultOf(body)).toBe(param);
  });

  it('pitfall 14: a remote image URL is named and explained', () => {
    const body = {
      model: 'auto',
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x.example/cat.png' } }] }],
    };
    expect(fault(body)).toEqual({
      param: 'messages[0].content[0].image_url.url',
      message: 'messages[0].content[0].image_url.url: remote URLs are not fetched; send the bytes as a data: URL or base64',
    });
  });

  it('pitfall 6: nothing left to send', () => {
    const empty = [
      { role: 'user', content: ' \n' },
      { role: 'assistant', content: null },
      { role: 'user', content: [] },
    ];
    expect(fault({ model: 'auto', messages: empty })).toEqual({
      param: 'messages',
      message: 'messages: there is nothing to send: every message is empty',
    });
  });

  it('does not put the words of a prompt into the refusal', () => {
    expect(fault({ model: 'auto', messages: [hello], tools: 'my secret' }).message).not.toContain('secret');
  });

  it('takes lists and nesting that would overflow a stack', () => {
    const blocks = Array.from({ length: 300_000 }, () => ({ type: 'text', text: 'a' }));
    expect(parsed({ messages: [{ role: 'system', content: blocks }, hello] }).system).toHaveLength(300_000);
    const nested = JSON.parse(`${'{"type":"search_result","content":['.repeat(50_000)}${']}'.repeat(50_000)}`) as unknown;
    expect(faultOf({ messages: [{ role: 'user', content: [nested] }] })).toBe('messages[0].content[0].content[0]');
  });

  it('refuses schemas nested without end instead of overflowing the stack', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`) as unknown;
    expect(faultOf({ tools: [{ function: { name: 'f', parameters: deep } }] })).toBe('tools[0].function.parameters');
    expect(faultOf({ messages: [hello, { role: 'tool', tool_call_id: 'a', content: [{ deep }] }] })).toBe('messages[1].content[0]');
  });
});

describe('options', () => {
  it('that only tune are accepted and left out', () => {
    const tuned = parsed({
      seed: 7,
      presence_penalty: 1,
      frequency_penalty: -1,
      logit_bias: { 5: 1 },
      user: 'u',
      metadata: {},
      store: true,
      unheard_of: [1],
    });
    expect(tuned).toMatchObject({ model: 'auto', temperature: null, stop: [] });
  });

  it('may all be null', () => {
    const names = [
      'stream',
      'stream_options',
      'max_tokens',
      'temperature',
      'top_p',
      'stop',
      'n',
      'tools',
      'tool_choice',
      'reasoning_effort',
      'logprobs',
      'response_format',
    ];
    expect(() => parsed(Object.fromEntries(names.map((name) => [name, null])))).not.toThrow();
  });

  it('become the internal form', () => {
    const request = parsed({
      max_tokens: 5,
      max_completion_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      stop: 'END',
      reasoning_effort: 'minimal',
      parallel_tool_calls: false,
    });
    expect(request).toMatchObject({
      maxTokens: 9,
      temperature: 0.5,
      topP: 0.9,
      stop: ['END'],
      thinking: { enabled: true, effort: 'low', budgetTokens: null },
      singleTool: true,
    });
    expect(parsed({ stop: ['', 'a'] }).stop).toEqual(['a']);
    expect(parsed({ reasoning_effort: 'none' }).thinking).toMatchObject({ enabled: false });
  });

  it('tell the renderer of include_usage', () => {
    const call = parseChat({ model: 'auto', messages: [hello], stream: true, stream_options: { include_usage: true } }, {});
    expect(call).toMatchObject({ stream: true, options: { includeUsage: true } });
  });

  it('ask for JSON in the system text', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const request = parsed({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } });
    expect(request.system[0]?.text).toContain(JSON.stringify(schema));
    expect(parsed({ response_format: { type: 'text' } }).system).toEqual([]);
  });
});

describe('pitfall 7: roles', () => {
  it('system and developer before the first turn are the system prompt', () => {
    const request = parsed({
      messages: [{ role: 'system', content: 'a' }, { role: 'developer', content: [{ type: 'text', text: 'b' }] }, hello],
    });
    expect(request.system.map((part) => part.text)).toEqual(['a', 'b']);
    expect(request.messages).toEqual([{ role: 'user', parts: [{ type: 'text', text: 'hello' }], index: 2 }]);
  });

  it('a late system message stays in its place as a user turn', () => {
    const request = parsed({ messages: [hello, { role: 'assistant', content: 'hi' }, { role: 'system', content: 'be brief' }] });
    expect(request.system).toEqual([]);
    expect(request.messages.at(-1)).toEqual({ role: 'user', parts: [{ type: 'text', text: 'be brief' }], index: 2 });
  });

  it('the last of nothing but system messages is what the model answers', () => {
    const request = parsed({
      messages: [
        { role: 'system', content: 'a' },
        { role: 'system', content: 'b' },
      ],
    });
    expect(request.system.map((part) => part.text)).toEqual(['a']);
    expect(request.messages).toEqual([{ role: 'user', parts: [{ type: 'text', text: 'b' }], index: 1 }]);
  });

  it('tool and function messages are results', () => {
    const request = parsed({
      messages: [
        hello,
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'one' },
        { role: 'assistant', content: null, function_call: { name: 'g', arguments: '{}' } },
        { role: 'function', name: 'g', content: 'two' },
      ],
    });
    expect(request.messages.slice(1)).toEqual([
      { role: 'assistant', index: 1, parts: [{ type: 'tool_use', id: 'call_1', name: 'f', input: { a: 1 } }] },
      {
        role: 'user',
        index: 2,
        parts: [{ type: 'tool_result', toolUseId: 'call_1', isError: false, content: [{ type: 'text', text: 'one' }] }],
      },
      { role: 'assistant', index: 3, parts: [{ type: 'tool_use', id: 'call_function_3', name: 'g', input: {} }] },
      {
        role: 'user',
        index: 4,
        parts: [{ type: 'tool_result', toolUseId: 'call_function_3', isError: false, content: [{ type: 'text', text: 'two' }] }],
      },
    ]);
  });

  it('empty turns beside others are dropped, and the others keep their index', () => {
    const request = parsed({ messages: [{ role: 'user', content: '' }, hello, { role: 'assistant', content: '' }] });
    expect(request.messages.map((message) => message.index)).toEqual([1]);
  });
});

describe('content', () => {
  it('pitfall 14: data: URLs are images, in both spellings', () => {
    const url = 'data:image/png;base64,iVBORw0KGgo=';
    const image = { type: 'image', mediaType: 'image/png', data: 'iVBORw0KGgo=' };
    const request = parsed({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url } },
            { type: 'input_image', image_url: url },
          ],
        },
      ],
    });
    expect(request.messages[0]?.parts).toEqual([image, image]);
  });

  it('pitfall 13: a tool message may hold images', () => {
    const content = [
      { type: 'text', text: 'see' },
      { type: 'image_url', image_url: { url: 'data:image/gif;base64,AAAA' } },
    ];
    const [, part] = parsed({ messages: [hello, { role: 'tool', tool_call_id: 'a', content }] }).messages;
    expect(part?.parts[0]).toMatchObject({
      content: [
        { type: 'text', text: 'see' },
        { type: 'image', mediaType: 'image/gif' },
      ],
    });
  });

  it('tool arguments that are no JSON object are kept, not refused', () => {
    const input = (args: unknown): unknown => {
      const call = { id: 'a', type: 'function', function: { name: 'f', arguments: args } };
      return parsed({ messages: [hello, { role: 'assistant', tool_calls: [call] }] }).messages[1]?.parts[0];
    };
    expect(input('{"cut": "of')).toMatchObject({ input: { arguments: '{"cut": "of' } });
    expect(input('[1]')).toMatchObject({ input: { arguments: [1] } });
    expect(input('')).toMatchObject({ input: {} });
    expect(input({ ready: true })).toMatchObject({ input: { ready: true } });
  });

  it('repairs lone surrogates', () => {
    expect(parsed({ messages: [{ role: 'user', content: 'a\ud800' }] }).messages[0]?.parts).toEqual([{ type: 'text', text: 'a\ufffd' }]);
  });

  it('takes Anthropic blocks, which Cursor sends to this path', () => {
    const request = parsed({
      messages: [
        hello,
        { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'f', input: { a: 1 } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'done' }] },
      ],
    });
    expect(request.messages[2]?.parts).toEqual([
      { type: 'tool_result', toolUseId: 't1', isError: false, content: [{ type: 'text', text: 'done' }] },
    ]);
  });
});

describe('tools', () => {
  const parameters = { type: 'object', properties: { a: { type: 'string' } } };
  const tool = { name: 'f', description: 'd', inputSchema: parameters };

  it('pitfall 15: come wrapped, flat, without a type and in Anthropic spelling', () => {
    const spellings = [
      { type: 'function', function: { name: 'f', description: 'd', parameters } },
      { type: 'function', name: 'f', description: 'd', parameters },
      { name: 'f', description: 'd', input_schema: parameters },
      { function: { name: 'f', description: 'd', parameters } },
      { type: 'custom', name: 'f', description: 'd', input_schema: parameters },
    ];
    for (const spelling of spellings) expect(parsed({ tools: [spelling] }).tools).toEqual([tool]);
  });

  it('may lack description and parameters', () => {
    expect(parsed({ tools: [{ function: { name: 'f' } }] }).tools).toEqual([
      { name: 'f', description: '', inputSchema: { type: 'object', properties: {} } },
    ]);
  });

  it('pitfall 21: the choice is kept in every spelling', () => {
    const tools = [{ function: { name: 'f', parameters } }, { function: { name: 'g', parameters } }];
    const choice = (value: unknown): unknown => parsed({ tools, tool_choice: value }).toolChoice;
    expect(choice('none')).toEqual({ type: 'none' });
    expect(choice('required')).toEqual({ type: 'any' });
    expect(choice({ type: 'function', function: { name: 'g' } })).toEqual({ type: 'tool', name: 'g' });
    expect(choice({ type: 'tool', name: 'g' })).toEqual({ type: 'tool', name: 'g' });
    const allowed = parsed({
      tools,
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'g' } }] } },
    });
    expect(allowed).toMatchObject({ toolChoice: { type: 'any' }, tools: [{ name: 'g' }] });
  });
});

describe('pitfall 23: the conversation', () => {
  const conversation = (body: object, headers = {}): string | null => parsed(body, headers).conversation;

  it('is the prompt_cache_key where there is one', () => {
    expect(conversation({ prompt_cache_key: 'chat-7' })).toBe('chat-7');
  });

  it('else stays the same while the conversation grows', () => {
    const later = { messages: [hello, { role: 'assistant', content: 'hi' }, { role: 'user', content: 'more' }] };
    expect(conversation(later)).toBe(conversation({}));
    expect(conversation({})).toMatch(/^[0-9a-f]{32}$/);
  });

  it('else differs by first message, by system prompt and by user', () => {
    const system = { role: 'system', content: 'x'.repeat(100_000) };
    const names = [
      conversation({}),
      conversation({ user: 'u1' }),
      conversation({ messages: [system, hello] }),
      conversation({ messages: [system, { role: 'user', content: 'other' }] }),
    ];
    expect(new Set(names).size).toBe(4);
  });
});
