import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message, MessagePart, ModelRequest, Tool } from '../../define.js';
import { assistant, modelRequest, toolResult, toolUse, user } from '../fixtures.js';
import type { KiroBody, WireAssistant, WireUser } from './body.js';
import { buildRequest } from './build.js';

const png: MessagePart = {
  type: 'image',
  mediaType: 'image/jpeg',
  data: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex').toString('base64'),
};
const tool = (name: string, over: Partial<Tool> = {}): Tool => ({
  name,
  description: `Does ${name}`,
  inputSchema: { type: 'object', properties: {} },
  ...over,
});

function build(over: Partial<ModelRequest>, model = 'claude-sonnet-4.5', replays: (signature: string) => boolean = () => true): KiroBody {
  return buildRequest({ request: modelRequest(over), model, origin: 'AI_EDITOR', profileArn: undefined, account: 'acc', replays }).body;
}
const history = (body: KiroBody): readonly (WireUser | WireAssistant)[] => body.conversationState.history;
const current = (body: KiroBody): WireUser['userInputMessage'] => body.conversationState.currentMessage.userInputMessage;
const asUser = (entry: WireUser | WireAssistant | undefined): WireUser['userInputMessage'] => {
  if (!entry || !('userInputMessage' in entry)) throw new Error('not a user entry');
  return entry.userInputMessage;
};
const asAssistant = (entry: WireUser | WireAssistant | undefined): WireAssistant['assistantResponseMessage'] => {
  if (!entry || !('assistantResponseMessage' in entry)) throw new Error('not an assistant entry');
  return entry.assistantResponseMessage;
};
const toolNames = (body: KiroBody): string[] =>
  (current(body).userInputMessageContext?.tools ?? []).map((entry) => entry.toolSpecification.name);

/** What B10 says the service refuses, as a list of what is wrong. */
function faults(body: KiroBody): string[] {
  const found: string[] = [];
  const entries = [...history(body), body.conversationState.currentMessage];
  const offered = new Set(toolNames(body));
  const ids = new Set<string>();
  let asked: string[] = [];
  entries.forEach((entry, at) => {
    if ('userInputMessage' in entry !== (at % 2 === 0)) found.push(`no alternation at ${at}`);
    if ('userInputMessage' in entry) {
      const { content, userInputMessageContext: context } = entry.userInputMessage;
      if (content.trim() === '') found.push(`empty user text at ${at}`);
      const results = context?.toolResults?.map((result) => result.toolUseId) ?? [];
      if (results.join() !== asked.join()) found.push(`results do not answer the calls at ${at}`);
      asked = [];
    } else {
      const { content, toolUses } = entry.assistantResponseMessage;
      if (content.trim() === '') found.push(`empty assistant text at ${at}`);
      asked = (toolUses ?? []).map((use) => use.toolUseId);
      for (const use of toolUses ?? []) {
        if (!offered.has(use.name)) found.push(`no specification of ${use.name}`);
        if (!/^[a-zA-Z0-9_-]{1,64}$/.test(use.toolUseId)) found.push('tool use id');
        if (ids.has(use.toolUseId)) found.push('repeated tool use id');
        ids.add(use.toolUseId);
      }
    }
  });
  for (const name of offered) if (!/^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/.test(name)) found.push(`tool name ${name}`);
  return found;
}

describe('building a request', () => {
  it('makes one body with fixed fields and no invented ones', () => {
    const body = build({});
    expect(body).toEqual({
      conversationState: {
        chatTriggerType: 'MANUAL',
        agentTaskType: 'vibe',
        conversationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        agentContinuationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        history: [],
        currentMessage: { userInputMessage: { content: 'Hello', modelId: 'claude-sonnet-4.5', origin: 'AI_EDITOR' } },
      },
    });
  });

  it('pitfall 1: tools are attached even if the conversation starts with an assistant turn', () => {
    const body = build({ messages: [assistant(0, 'Hi, I am here'), user(1, 'Go')], tools: [tool('read')] });
    expect(toolNames(body)).toEqual(['read']);
    expect(faults(body)).toEqual([]);
  });

  it('pitfall 2: merging user turns keeps tool results and images, not only text', () => {
    const body = build({
      messages: [
        user(0, 'go'),
        assistant(1, toolUse('a', 'f'), toolUse('b', 'g')),
        user(2, toolResult('a', 'A')),
        user(3, toolResult('b', 'B'), png),
        user(4, 'and now?'),
      ],
      tools: [tool('f'), tool('g')],
    });
    expect(current(body).userInputMessageContext?.toolResults?.map((result) => result.content[0]?.text)).toEqual(['A', 'B']);
    expect(current(body).images).toHaveLength(1);
    expect(current(body).content).toBe('and now?');
  });

  it('pitfall 3: merging assistant turns keeps all tool uses', () => {
    const body = build({
      messages: [
        user(0, 'go'),
        assistant(1, 'one', toolUse('a', 'f')),
        assistant(2, 'two', toolUse('b', 'f')),
        user(3, toolResult('a', 'A'), toolResult('b', 'B')),
      ],
      tools: [tool('f')],
    });
    expect(asAssistant(history(body)[1])).toMatchObject({ content: 'one\n\ntwo', toolUses: [{ toolUseId: 'a' }, { toolUseId: 'b' }] });
  });

  it('pitfalls 4 and 24: user messages in a row are merged, no filler stands between them', () => {
    const body = build({ messages: [user(0, 'a'), user(1, 'b'), user(2, 'c')] });
    expect(history(body)).toEqual([]);
    expect(current(body).content).toBe('a\n\nb\n\nc');
  });

  it('pitfall 5: what the user says with tool results stands first and alone', () => {
    const messages = [user(0, 'go'), assistant(1, toolUse('a', 'f')), user(2, toolResult('a', 'A'), 'Now be brief')];
    expect(current(build({ messages, tools: [tool('f')] })).content).toBe('Now be brief');
    expect(current(build({ messages, tools: [tool('f')], toolChoice: { type: 'any' } })).content).toMatch(/^Now be brief\n\n/);
  });

  it('pitfall 6: empty messages vanish; tool calls, images and thinking alone are carried', () => {
    const messages = [
      user(0, '  '),
      user(1, 'go'),
      assistant(2, ''),
      assistant(3, { type: 'thinking', text: 'hm', signature: null }),
      user(4, 'on'),
      assistant(5, toolUse('a', 'f')),
      user(6, toolResult('a', '')),
      assistant(7, 'ok'),
      user(8, png),
    ];
    const body = build({ messages, tools: [tool('f')] });
    expect(faults(body)).toEqual([]);
    expect(asUser(history(body)[0]).content).toBe('go\n\non');
    expect(current(body)).toMatchObject({ images: [{ format: 'png' }] });
  });

  it.each([[[]], [[user(0, '')]], [[user(0), assistant(1, ' ')]]])(
    "pitfall 6: a conversation with nothing in it is the client's fault (%#)",
    (messages) => {
      expect(() => build({ messages })).toThrowError(expect.objectContaining({ kind: 'client', param: 'messages' }));
    },
  );

  it('pitfall 8: the system prompt is the first pair of the history', () => {
    const body = build({
      system: [
        { type: 'text', text: 'Be kind.' },
        { type: 'text', text: 'Be brief.' },
      ],
    });
    expect(asUser(history(body)[0]).content).toBe('Be kind.\n\nBe brief.');
    expect(history(body)).toHaveLength(2);
    expect(current(body).content).toBe('Hello');
    expect(faults(body)).toEqual([]);
  });

  it('pitfall 8: before a conversation that opens with the assistant, the system prompt needs no acknowledgement', () => {
    const body = build({ system: [{ type: 'text', text: 'Be kind.' }], messages: [assistant(0, 'Hi'), user(1, 'Go')] });
    expect(history(body)).toHaveLength(2);
    expect(asAssistant(history(body)[1]).content).toBe('Hi');
  });

  it('pitfall 9: tool history without tools gets stubs, tools without history stay as they are', () => {
    const messages = [user(0, 'go'), assistant(1, toolUse('a', 'read')), user(2, toolResult('a', 'A'), 'Sum it up')];
    expect(toolNames(build({ messages }))).toEqual(['read']);
    expect(toolNames(build({ tools: [tool('f'), tool('g')] }))).toEqual(['f', 'g']);
  });

  it('pitfall 9: names that differ only in case stay apart and come back', () => {
    const built = buildRequest({
      request: modelRequest({ tools: [tool('Read'), tool('read')] }),
      model: 'claude-sonnet-4.5',
      origin: 'x',
      profileArn: undefined,
      account: 'a',
      replays: () => true,
    });
    const names = toolNames(built.body);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(2);
    expect(names.map(built.names.original)).toEqual(['Read', 'read']);
  });

  it('pitfall 10: calls without result are answered, results without call become text, repeated ones are dropped', () => {
    const body = build({
      messages: [
        user(0, toolResult('ghost', 'old news'), 'go'),
        assistant(1, toolUse('a', 'f'), toolUse('b', 'f'), toolUse('a', 'f')),
        user(2, toolResult('a', 'A'), toolResult('a', 'again'), toolResult('zzz', 'stray')),
        assistant(3, toolUse('c', 'f')),
      ],
      tools: [tool('f')],
    });
    expect(faults(body)).toEqual([]);
    expect(asUser(history(body)[0]).content).toMatch(/old news\n\ngo$/);
    const answered = asUser(history(body)[2]);
    expect(answered.content).toContain('stray');
    expect(answered.userInputMessageContext?.toolResults).toMatchObject([
      { toolUseId: 'a', status: 'success', content: [{ text: 'A' }] },
      { toolUseId: 'b', status: 'error' },
    ]);
    expect(current(body).userInputMessageContext?.toolResults).toMatchObject([{ toolUseId: 'c', status: 'error' }]);
  });

  it('pitfall 11: results out of order are put into the order of the calls', () => {
    const body = build({
      messages: [user(0, 'go'), assistant(1, toolUse('a', 'f'), toolUse('b', 'f')), user(2, toolResult('b', 'B'), toolResult('a', 'A'))],
      tools: [tool('f')],
    });
    expect(current(body).userInputMessageContext?.toolResults?.map((result) => result.toolUseId)).toEqual(['a', 'b']);
  });

  it('pitfalls 12 and 13: results of every shape, their images lifted onto the turn', () => {
    const imageResult: MessagePart = { type: 'tool_result', toolUseId: 'b', isError: false, content: [png as never] };
    const mixed: MessagePart = {
      type: 'tool_result',
      toolUseId: 'c',
      isError: true,
      content: [{ type: 'text', text: '{"a":1}' }, png as never, { type: 'text', text: 'x' }],
    };
    const body = build({
      messages: [
        user(0, 'go'),
        assistant(1, toolUse('a', 'f'), toolUse('b', 'f'), toolUse('c', 'f')),
        user(2, toolResult('a', ''), imageResult, mixed),
      ],
      tools: [tool('f')],
    });
    const results = current(body).userInputMessageContext?.toolResults ?? [];
    expect(results.map((result) => result.status)).toEqual(['success', 'success', 'error']);
    expect(results[2]?.content).toEqual([{ text: '{"a":1}\nx' }]);
    expect(results.every((result) => result.content.every((part) => part.text.trim() !== ''))).toBe(true);
    expect(current(body).images).toHaveLength(2);
  });

  it('pitfall 14: a wrong media type is fixed by the bytes; what is no image names its field', () => {
    expect(current(build({ messages: [user(0, 'see', png)] })).images?.[0]?.format).toBe('png');
    const bad = (data: string) => () =>
      build({ messages: [user(0, 'a'), assistant(1, 'b'), user(7, { type: 'image', mediaType: 'image/png', data })] });
    for (const data of ['https://example.com/a.png', 'not base64 !', Buffer.from('BM plain bitmap bytes').toString('base64'), '']) {
      expect(bad(data)).toThrowError(expect.objectContaining({ kind: 'client', param: 'messages[7].content' }));
    }
  });

  it('pitfall 14: images of the history stay with their turn', () => {
    const body = build({ messages: [user(0, 'see', png), assistant(1, 'a cat'), user(2, 'sure?')] });
    expect(asUser(history(body)[0]).images).toHaveLength(1);
    expect(current(body).images).toBeUndefined();
  });

  it('pitfall 16: long, dotted, spaced and unicode names round-trip in tools, history and stream', () => {
    const names = ['mcp.server/read file', '工具', '1leading', 'a'.repeat(90), 'ok_name-1'];
    const request = modelRequest({
      messages: [user(0, 'go'), assistant(1, toolUse('x', '工具')), user(2, toolResult('x', 'r'))],
      tools: names.map((name) => tool(name)),
    });
    const { body, names: map } = buildRequest({
      request,
      model: 'claude-sonnet-4.5',
      origin: 'x',
      profileArn: undefined,
      account: 'a',
      replays: () => true,
    });
    expect(faults(body)).toEqual([]);
    expect(toolNames(body).map(map.original)).toEqual(names);
    expect(asAssistant(history(body)[1]).toolUses?.[0]?.name).toBe(map.wire('工具'));
    expect(toolNames(body).at(-1)).toBe('ok_name-1');
  });

  it('pitfall 19: a description is never empty and is cut between code points', () => {
    const described = (description: string): string => {
      const [spec] = current(build({ tools: [tool('f', { description })] })).userInputMessageContext?.tools ?? [];
      return spec?.toolSpecification.description ?? '';
    };
    expect(described('  ')).not.toBe('');
    const cut = described(`${'a'.repeat(9_999)}😀tail`);
    expect(cut).toBe('a'.repeat(9_999));
    expect(described('b'.repeat(10_001))).toHaveLength(10_000);
  });

  it('pitfall 21: tool_choice none omits tools but keeps stubs for the history', () => {
    const messages = [user(0, 'go'), assistant(1, toolUse('a', 'read')), user(2, toolResult('a', 'A'))];
    const body = build({ messages, tools: [tool('read'), tool('write')], toolChoice: { type: 'none' } });
    const specs = current(body).userInputMessageContext?.tools ?? [];
    expect(specs).toHaveLength(1);
    expect(specs[0]?.toolSpecification).toMatchObject({ name: 'read', description: expect.stringContaining('Not available') as string });
    expect(current(build({ tools: [tool('read')], toolChoice: { type: 'none' } })).userInputMessageContext).toBeUndefined();
  });

  it('pitfall 21: a named tool is offered alone, with an instruction; one that is not there is refused', () => {
    const body = build({ tools: [tool('read'), tool('write')], toolChoice: { type: 'tool', name: 'write' } });
    expect(toolNames(body)).toEqual(['write']);
    expect(current(body).content).toBe('Hello\n\nAnswer by calling the tool write.');
    expect(() => build({ tools: [tool('read')], toolChoice: { type: 'tool', name: 'nope' } })).toThrowError(
      expect.objectContaining({ kind: 'client', param: 'tool_choice' }),
    );
  });

  it('pitfall 21: any is said in words', () => {
    expect(current(build({ tools: [tool('read')], toolChoice: { type: 'any' } })).content).toMatch(/^Hello\n\nAnswer by calling/);
  });

  it("pitfall 22: prefill puts the assistant's text into the history and asks to continue it", () => {
    const body = build({ messages: [user(0, 'Name a colour'), assistant(1, 'The colour is')] });
    expect(asAssistant(history(body)[1]).content).toBe('The colour is');
    expect(current(body).content).toMatch(/^Continue your last message/);
    expect(faults(body)).toEqual([]);
  });

  it("pitfall 23: ids follow the client's session, else the first thing the user said; a turn keeps its continuation id", () => {
    const ids = (over: Partial<ModelRequest>) => build(over).conversationState;
    const first = ids({ conversation: 's1' });
    expect(ids({ conversation: 's1', messages: [user(0, 'Hello'), assistant(1, 'Hi'), user(2, 'More')] }).conversationId).toBe(
      first.conversationId,
    );
    expect(ids({ conversation: 's2' }).conversationId).not.toBe(first.conversationId);
    const system = [{ type: 'text' as const, text: 'Same for all' }];
    expect(ids({ system, messages: [user(0, 'one')] }).conversationId).not.toBe(ids({ system, messages: [user(0, 'two')] }).conversationId);
    const asked = { messages: [user(0, 'go')] };
    const looping = { messages: [user(0, 'go'), assistant(1, toolUse('a', 'f')), user(2, toolResult('a', 'A'))] };
    expect(ids(looping)).toMatchObject({ conversationId: ids(asked).conversationId, agentContinuationId: ids(asked).agentContinuationId });
    expect(ids({ messages: [...looping.messages, assistant(3, 'done'), user(4, 'next')] }).agentContinuationId).not.toBe(
      ids(asked).agentContinuationId,
    );
  });

  it("pitfall 26: the trigger is never AUTO and the ARN is the sending credential's", () => {
    const over = { request: modelRequest(), model: 'claude-sonnet-4.5', origin: 'x', account: 'a', replays: () => true };
    expect(buildRequest({ ...over, profileArn: 'arn:one' }).body).toMatchObject({
      profileArn: 'arn:one',
      conversationState: { chatTriggerType: 'MANUAL' },
    });
    expect(buildRequest({ ...over, profileArn: 'arn:two' }).body.profileArn).toBe('arn:two');
    expect(buildRequest({ ...over, profileArn: undefined }).body).not.toHaveProperty('profileArn');
  });

  it('equal requests give equal bytes', () => {
    const over = {
      tools: [tool('read'), tool('wr.ite')],
      messages: [user(0, 'go'), assistant(1, toolUse('a', 'read')), user(2, toolResult('a', 'A'))],
    };
    expect(JSON.stringify(build(over))).toBe(JSON.stringify(build(structuredClone(over))));
  });
});

describe('whatever a client sends', () => {
  const id = fc.constantFrom('a', 'b', 'call.1', 'x'.repeat(80), '');
  const name = fc.constantFrom('read', 'Read', 'mcp.tool', '工具', '');
  const text = fc.constantFrom('', ' ', 'hello', 'grüße');
  const partOf = fc.oneof(
    text.map((value): MessagePart => ({ type: 'text', text: value })),
    fc.constant(png),
    fc.tuple(id, name).map(([use, called]) => toolUse(use, called)),
    fc.tuple(id, text, fc.boolean()).map(([use, value, isError]) => toolResult(use, value, isError)),
    text.map((value): MessagePart => ({ type: 'thinking', text: value, signature: 'sig' })),
  );
  const message = fc.tuple(fc.constantFrom('user' as const, 'assistant' as const), fc.array(partOf, { maxLength: 4 }));
  const messages = fc
    .array(message, { maxLength: 12 })
    .map((list) => list.map(([role, parts], index): Message => ({ role, parts, index })));

  it('C1: the body breaks none of the rules of B10', () => {
    fc.assert(
      fc.property(
        messages,
        fc.subarray(['read', 'Read', 'mcp.tool', 'other']),
        fc.constantFrom('auto' as const, 'none' as const, 'any' as const),
        fc.boolean(),
        (list, offered, choice, system) => {
          let body: KiroBody;
          try {
            body = build({
              messages: list,
              tools: offered.map((each) => tool(each)),
              toolChoice: { type: choice },
              system: system ? [{ type: 'text', text: 'S' }] : [],
            });
          } catch (error) {
            expect(error).toMatchObject({ kind: 'client', param: 'messages' });
            return;
          }
          expect(faults(body)).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('thinking', () => {
  const on = (over: Partial<NonNullable<ModelRequest['thinking']>> = {}): Partial<ModelRequest> => ({
    thinking: { enabled: true, effort: null, budgetTokens: null, ...over },
  });
  const fields = (model: string, over: Partial<ModelRequest>): unknown => build(over, model).additionalModelRequestFields;

  it.each([
    ['claude-opus-4.8', on(), { output_config: { effort: 'medium' } }],
    ['claude-opus-5', on({ effort: 'xhigh' }), { output_config: { effort: 'xhigh' } }],
    ['claude-sonnet-4.6', on({ effort: 'xhigh' }), { output_config: { effort: 'high' } }],
    ['claude-opus-4.6', on({ budgetTokens: 20_000 }), { output_config: { effort: 'high' }, thinking: { type: 'adaptive' } }],
    ['claude-sonnet-5', on({ budgetTokens: 3_000 }), { output_config: { effort: 'low' } }],
    ['claude-sonnet-5', on({ budgetTokens: 90_000 }), { output_config: { effort: 'xhigh' } }],
    ['claude-sonnet-5', { thinking: { enabled: false, effort: null, budgetTokens: null } }, undefined],
    ['claude-sonnet-5', {}, undefined],
    ['claude-sonnet-5', { model: 'claude-sonnet-5-thinking-high' }, { output_config: { effort: 'high' } }],
    ['gpt-5.6-sol', on({ effort: 'max' }), { reasoning: { effort: 'max' } }],
    ['gpt-5.6-sol', { thinking: { enabled: false, effort: null, budgetTokens: null } }, { reasoning: { effort: 'none' } }],
    ['deepseek-3.2', on(), undefined],
    ['claude-sonnet-4.5', on(), undefined],
  ])('B11: %s with %j sends %j', (model, over, expected) => {
    expect(fields(model, over as Partial<ModelRequest>)).toEqual(expected);
  });

  it('B11: older models get tags in the user text, except in a turn of tool results', () => {
    expect(current(build(on({ budgetTokens: 5_000 }))).content).toBe(
      '<thinking_mode>enabled</thinking_mode><max_thinking_length>5000</max_thinking_length>\nHello',
    );
    const messages = [user(0, 'go'), assistant(1, toolUse('a', 'f')), user(2, toolResult('a', 'A'))];
    expect(current(build({ ...on(), messages })).content).not.toContain('thinking_mode');
    expect(current(build(on(), 'gpt-5.6-sol')).content).toBe('Hello');
  });

  it('B11: reasoning goes back only whole, signed, and to whom it belongs', () => {
    const said = (signature: string | null, text = 'hm'): Partial<ModelRequest> => ({
      messages: [user(0, 'a'), assistant(1, { type: 'thinking', text, signature }, 'b'), user(2, 'c')],
    });
    const replayed = (over: Partial<ModelRequest>, model = 'claude-opus-4.8', replays = (_: string) => true): unknown =>
      asAssistant(history(build(over, model, replays))[1]).reasoningContent;
    expect(replayed(said('sig'))).toEqual({ reasoningText: { text: 'hm', signature: 'sig' } });
    expect(replayed(said(null))).toBeUndefined();
    expect(replayed(said('sig', ' '))).toBeUndefined();
    expect(replayed(said('sig'), 'claude-sonnet-4.5')).toBeUndefined();
    expect(replayed(said('sig'), 'claude-opus-4.8', () => false)).toBeUndefined();
    const redacted: Partial<ModelRequest> = {
      messages: [user(0, 'a'), assistant(1, 'b', { type: 'redacted_thinking', data: 'blob' }), user(2, 'c')],
    };
    expect(replayed(redacted, 'gpt-5.6-sol')).toEqual({ redactedContent: 'blob' });
  });
});
