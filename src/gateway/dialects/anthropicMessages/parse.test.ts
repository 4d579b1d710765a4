/** Anthropic message bodies into the internal form. */
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../errors.js';
import type { ModelRequest } from '../../../upstreams/define.js';
import { parseCountTokens, parseMessages } from './parse.js';

const hello = { role: 'user', content: 'hello' };
const minimal = { model: 'claude-sonnet-4-5', max_tokens: 100, messages: [hello] };

function parsed(body: object, headers = {}): ModelRequest {
  return parseMessages({ ...minimal, ...body }, headers).request;
}

function faultOf(body: object): string | undefined {
  try {
    parseMessages({ ...minimal, ...body }, {});
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_request') return error.param;
    throw error;
  }
  throw new Error('the body was accepted');
}

const user = (...content: unknown[]): object => ({ messages: [{ role: 'user', content }] });
const parts = (...content: unknown[]): unknown => parsed(user(...content)).messages[0]?.parts;

describe('bodies that are refused', () => {
  it.each([
    [{ max_tokens: undefined }, 'max_tokens'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: '100' }, 'max_tokens'],
    [{ model: 7 }, 'model'],
    [{ messages: [] }, 'messages'],
    [{ messages: {} }, 'messages'],
    [{ messages: [{ role: 'wizard', content: 'x' }] }, 'messages[0].role'],
    [{ system: 7 }, 'system'],
    [{ system: [{ type: 'image' }] }, 'system[0].type'],
    [{ temperature: 1.1 }, 'temperature'],
    [{ top_p: 2 }, 'top_p'],
    [{ top_k: -1 }, 'top_k'],
    [{ stop_sequences: 'x' }, 'stop_sequences'],
    [{ stop_sequences: [7] }, 'stop_sequences[0]'],
    [{ stop_sequences: Array.from({ length: 65 }, () => 'x') }, 'stop_sequences'],
    [{ thinking: { type: 'enabled', budget_tokens: 12 } }, 'thinking.budget_tokens'],
    [{ thinking: { type: 'hard' } }, 'thinking.type'],
    [{ output_config: { effort: 'huge' } }, 'output_config.effort'],
    [{ metadata: { user_id: 7 } }, 'metadata.user_id'],
    [{ mcp_servers: [{ url: 'x' }] }, 'mcp_servers'],
    [{ tools: [{ name: 'f', input_schema: [] }] }, 'tools[0].input_schema'],
    [{ tools: [{ name: 'f', description: 7 }] }, 'tools[0].description'],
    [{ tools: [{ type: 'computer_toolset_20260801' }] }, 'tools[0].type'],
    [{ tool_choice: { type: 'tool', name: 'nobody' } }, 'tool_choice.name'],
    [user({ type: 'image', source: { type: 'url', url: 'https://x.example/y.png' } }), 'messages[0].content[0].source.url'],
    [user({ type: 'image', source: { type: 'file', file_id: 'f' } }), 'messages[0].content[0].source.type'],
    [user({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '%%%' } }), 'messages[0].content[0].source.data'],
    [
      user({ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AAAA' } }),
      'messages[0].content[0].source.media_type',
    ],
    [user({ type: 'tool_result', tool_use_id: 'a', is_error: 'yes' }), 'messages[0].content[0].is_error'],
    [user({ type: 'tool_use', id: 'a', name: 'f', input: {} }), 'messages[0].content[0].type'],
    [user({ type: 'hologram' }), 'messages[0].content[0].type'],
    [user('bare text'), 'messages[0].content[0]'],
  ])('%j → %s', (body, param) => {
    expect(faultOf(body)).toBe(param);
  });
});

describe('pitfall 8: system', () => {
  it('is a string, blocks with cache_control, or a message in the middle', () => {
    expect(parsed({ system: 'a' }).system).toEqual([{ type: 'text', text: 'a' }]);
    const blocks = [
      { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
      { type: 'text', text: '' },
      { type: 'text', text: 'b' },
    ];
    expect(parsed({ system: blocks }).system.map((part) => part.text)).toEqual(['a', 'b']);
    const late = parsed({
      system: 'a',
      messages: [hello, { role: 'assistant', content: 'hi' }, { role: 'system', content: [{ type: 'text', text: 'b' }] }, hello],
    });
    expect(late.system).toHaveLength(1);
    expect(late.messages[2]).toEqual({ role: 'user', parts: [{ type: 'text', text: 'b' }], index: 2 });
  });
});

describe('pitfall 12: tool results', () => {
  const result = (content: unknown, more = {}): unknown =>
    (parts({ type: 'tool_result', tool_use_id: 't', content, ...more }) as { content: unknown }[])[0];

  it('are strings, blocks, images, nested JSON or nothing', () => {
    expect(result('x')).toMatchObject({ content: [{ type: 'text', text: 'x' }], isError: false });
    expect(
      result([
        { type: 'text', text: 'x' },
        { type: 'text', text: 'y' },
      ]),
    ).toMatchObject({ content: [{ text: 'x' }, { text: 'y' }] });
    expect(result([{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }])).toMatchObject({
      content: [{ type: 'image', data: 'AAAA' }],
    });
    expect(result({ rows: [1, 2] })).toMatchObject({ content: [{ type: 'text', text: '{"rows":[1,2]}' }] });
    expect(result([{ type: 'weather', degrees: 7 }])).toMatchObject({
      content: [{ type: 'text', text: '{"type":"weather","degrees":7}' }],
    });
    expect(result(7)).toMatchObject({ content: [{ type: 'text', text: '7' }] });
    for (const nothing of [undefined, null, '', []]) expect(result(nothing)).toMatchObject({ content: [] });
  });

  it('keep is_error', () => {
    expect(result('boom', { is_error: true })).toMatchObject({ isError: true });
  });
});

describe('content', () => {
  it('reads images from base64, also with a data: prefix or line breaks', () => {
    const image = { type: 'image', mediaType: 'image/png', data: 'AAAABBBB' };
    expect(parts({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA\nBBBB' } })).toEqual([image]);
    expect(parts({ type: 'image', source: { type: 'base64', media_type: 'image/x', data: 'data:image/png;base64,AAAABBBB' } })).toEqual([
      image,
    ]);
    expect(parts({ type: 'image', source: { type: 'url', url: 'data:image/png;base64,AAAABBBB' } })).toEqual([image]);
  });

  it('reads documents as text', () => {
    expect(parts({ type: 'document', title: 'T', source: { type: 'text', media_type: 'text/plain', data: 'body' } })).toEqual([
      { type: 'text', text: 'T\nbody' },
    ]);
    expect(
      parts({
        type: 'document',
        source: {
          type: 'content',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      }),
    ).toEqual([{ type: 'text', text: 'a\nb' }]);
    const data = Buffer.from('grüße').toString('base64');
    expect(parts({ type: 'document', source: { type: 'base64', media_type: 'text/plain', data } })).toEqual([
      { type: 'text', text: 'grüße' },
    ]);
  });

  it('reads search results as text', () => {
    const block = { type: 'search_result', title: 'T', source: 'https://x', content: [{ type: 'text', text: 'found' }] };
    expect(parts(block)).toEqual([{ type: 'text', text: 'T\nhttps://x\nfound' }]);
  });

  it('keeps thinking with its signature, and redacted thinking', () => {
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 'sig' },
      { type: 'thinking', thinking: 'unsigned', signature: '' },
      { type: 'redacted_thinking', data: 'xyz' },
      { type: 'text', text: 'answer' },
    ];
    expect(parsed({ messages: [hello, { role: 'assistant', content }, hello] }).messages[1]?.parts).toEqual([
      { type: 'thinking', text: 'hm', signature: 'sig' },
      { type: 'thinking', text: 'unsigned', signature: null },
      { type: 'redacted_thinking', data: 'xyz' },
      { type: 'text', text: 'answer' },
    ]);
  });

  it('leaves out what server tools did elsewhere', () => {
    const content = [
      { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
      { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
      { type: 'text', text: 'so' },
    ];
    expect(parsed({ messages: [hello, { role: 'assistant', content }, hello] }).messages[1]?.parts).toEqual([{ type: 'text', text: 'so' }]);
  });
});

describe('pitfall 20: server tools', () => {
  const schema = { type: 'object' };

  it('are never forwarded', () => {
    const types = [
      'web_search_20250305',
      'web_fetch_20260318',
      'code_execution_20250825',
      'tool_search_tool_regex_20251119',
      'tool_search_tool_bm25',
      'advisor_20260301',
      'news_20270101',
    ];
    const tools = [...types.map((type) => ({ type, name: type.split('_2')[0] })), { name: 'mine', input_schema: schema }];
    expect(parsed({ tools }).tools.map((tool) => tool.name)).toEqual(['mine']);
  });

  it('a user tool that is merely named web_search stays', () => {
    expect(parsed({ tools: [{ name: 'web_search', input_schema: schema }] }).tools).toHaveLength(1);
    expect(parsed({ tools: [{ type: 'custom', name: 'web_search', input_schema: schema }] }).tools).toHaveLength(1);
  });

  it('cannot be forced', () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }];
    expect(parsed({ tools, tool_choice: { type: 'tool', name: 'web_search' } }).toolChoice).toEqual({ type: 'auto' });
    expect(parsed({ tools, tool_choice: { type: 'any' } }).toolChoice).toEqual({ type: 'auto' });
  });

  it('client tools that come by type alone get their schema', () => {
    const tools = parsed({
      tools: [
        { type: 'bash_20250124', name: 'bash' },
        { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
      ],
    }).tools;
    expect(tools.map((tool) => tool.name)).toEqual(['bash', 'str_replace_based_edit_tool']);
    expect(tools[0]?.inputSchema).toMatchObject({ type: 'object', properties: { command: { type: 'string' } } });
  });
});

describe('options', () => {
  it('become the internal form', () => {
    const tools = [{ name: 'f', input_schema: { type: 'object' } }];
    const request = parsed({
      tools,
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      stop_sequences: ['a', ''],
      temperature: 1,
      top_k: 5,
      service_tier: 'auto',
    });
    expect(request).toMatchObject({ toolChoice: { type: 'any' }, singleTool: true, stop: ['a'], temperature: 1, maxTokens: 100 });
  });

  it('say how to think', () => {
    expect(parsed({}).thinking).toBeNull();
    expect(parsed({ thinking: { type: 'enabled', budget_tokens: 4_096 } }).thinking).toEqual({
      enabled: true,
      effort: null,
      budgetTokens: 4_096,
    });
    expect(parsed({ thinking: { type: 'adaptive', display: 'omitted' }, output_config: { effort: 'high' } }).thinking).toEqual({
      enabled: true,
      effort: 'high',
      budgetTokens: null,
    });
    expect(parsed({ thinking: { type: 'disabled' } }).thinking).toEqual({ enabled: false, effort: null, budgetTokens: null });
    expect(parsed({ output_config: { effort: 'low' } }).thinking).toEqual({ enabled: true, effort: 'low', budgetTokens: null });
  });

  it('ask for JSON in the system text', () => {
    const request = parsed({ system: 's', output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } });
    expect(request.system[1]?.text).toContain('{"type":"object"}');
  });
});

describe('pitfall 23: the conversation', () => {
  const conversation = (userId: string | undefined, headers = {}): string | null =>
    parsed(userId === undefined ? {} : { metadata: { user_id: userId } }, headers).conversation;
  const session = '5f3c8a52-6b1e-4d0e-9a57-3d6f3b0c9d11';

  it('is the session in user_id, in both spellings of Claude Code', () => {
    expect(conversation(`user_abc_account__session_${session}`)).toBe(session);
    expect(conversation(JSON.stringify({ device_id: 'd', account_uuid: '', session_id: session }))).toBe(session);
  });

  it('is the session header where user_id tells nothing', () => {
    expect(conversation(undefined, { 'x-claude-code-session-id': session })).toBe(session);
  });

  it('else is derived, and users behind one key stay apart', () => {
    expect(conversation('{broken')).toMatch(/^[0-9a-f]{32}$/);
    expect(conversation('user-1')).not.toBe(conversation('user-2'));
  });

  it('is bounded', () => {
    expect(conversation(`x_session_${'y'.repeat(10_000)}`)).toHaveLength(32);
  });
});

describe('count_tokens', () => {
  it('needs no max_tokens and reads the rest alike', () => {
    const { max_tokens: _, ...body } = minimal;
    const request = parseCountTokens({ ...body, system: 's', thinking: { type: 'adaptive' } }, {});
    expect(request).toMatchObject({ model: 'claude-sonnet-4-5', maxTokens: null, messages: [{ index: 0 }], system: [{ text: 's' }] });
    expect(() => parseCountTokens({ ...body, messages: [] }, {})).toThrow(AppError);
  });
});
