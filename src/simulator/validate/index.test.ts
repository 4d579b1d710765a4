import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Refusal } from '../refusals.js';
import { base64Bytes, sniffImage } from './images.js';
import { validateRequest } from './index.js';
import { checkInputSchema } from './tools.js';

const png = Buffer.from('\x89PNG\r\n\x1a\n0000000000000000', 'latin1').toString('base64');
const gif = Buffer.from('GIF89a000000000000000000', 'latin1').toString('base64');
const image = (format = 'png', bytes = png) => ({ format, source: { bytes } });
const tool = (name = 'read', more: object = {}) => ({
  toolSpecification: {
    name,
    description: 'Reads.',
    inputSchema: { json: { type: 'object', properties: { path: { type: 'string' } } } },
    ...more,
  },
});
const schema = (json: unknown) => tool('read', { inputSchema: { json } });
const user = (content: string, more: object = {}) => ({
  userInputMessage: { content, origin: 'AI_EDITOR', modelId: 'claude-sonnet-4.5', ...more },
});
const answer = (content: string, more: object = {}) => ({ assistantResponseMessage: { content, ...more } });
const use = (toolUseId: string, name = 'read', input: unknown = {}) => ({ toolUseId, name, input });
const result = (toolUseId: string, more: object = {}) => ({ toolUseId, status: 'success', content: [{ text: 'ok' }], ...more });
const results = (...list: object[]) => ({ userInputMessageContext: { toolResults: list } });
const withTools = (...tools: object[]) => ({ userInputMessageContext: { tools } });

interface Parts {
  readonly history?: unknown;
  readonly current?: object;
  readonly state?: object;
  readonly root?: object;
}
const bodyOf = ({ history = [], current = user('hi'), state = {}, root = {} }: Parts = {}) => ({
  conversationState: { chatTriggerType: 'MANUAL', conversationId: 'c-1', history, currentMessage: current, ...state },
  ...root,
});
const validate = (body: unknown, paid = true) =>
  validateRequest(body, {
    paid,
    bodyBytes: JSON.stringify(body).length,
    owns: (_model, text, signature) => signature === `signed:${text}`,
    ownsRedacted: (_model, content) => content === 'ours',
  });
const refusalOf = (body: unknown, paid = true) => {
  try {
    validate(body, paid);
  } catch (error) {
    if (error instanceof Refusal) return error.detail;
    throw error;
  }
  return null;
};

const native = (modelId: string, fields: object): Parts => ({
  current: user('hi', { modelId }),
  root: { additionalModelRequestFields: fields },
});
const toolTurn = (uses: object[], answers: object[], tools: object[] = [tool()]): Parts => ({
  history: [user('go'), answer('', { toolUses: uses })],
  current: user('', { userInputMessageContext: { tools, toolResults: answers } }),
});

describe('what the service takes', () => {
  const accepted: Record<string, Parts> = {
    'a plain question': {},
    'a system pair before it': { history: [user('You are…'), answer('OK')] },
    'tool results without text': toolTurn([use('t1')], [result('t1')]),
    'several results in order': toolTurn(
      [use('t1'), use('t2')],
      [result('t1'), result('t2', { status: 'error', content: [{ json: { a: 1 } }] })],
    ),
    'an answered call deep in the history': {
      history: [user('go'), answer('', { toolUses: [use('t1')] }), user('', results(result('t1'))), answer('done')],
      current: user('more', withTools(tool())),
    },
    'a cache point in tools': { current: user('hi', withTools(tool(), { cachePoint: { type: 'default' } })) },
    'an image that is what it says': { current: user('look', { images: [image(), image('gif', gif)] }) },
    'its own thinking back': {
      history: [user('a'), answer('b', { reasoningContent: { reasoningText: { text: 'x', signature: 'signed:x' } } })],
    },
    'its own redacted thinking back': { history: [user('a'), answer('b', { reasoningContent: { redactedContent: 'ours' } })] },
    'properties named like keywords': {
      current: user(
        'hi',
        withTools(
          schema({ type: 'object', properties: { format: { type: 'string' }, pattern: { type: 'object', properties: { default: {} } } } }),
        ),
      ),
    },
    'alternatives below the root': {
      current: user('hi', withTools(schema({ type: 'object', properties: { a: { anyOf: [{ type: 'string' }, { type: 'null' }] } } }))),
    },
    'native effort of Claude': native('claude-opus-4.8', { output_config: { effort: 'xhigh' }, thinking: { type: 'adaptive' } }),
    'native effort of GPT': native('gpt-5.6-sol', { reasoning: { effort: 'none' } }),
    'an older model name': { current: user('hi', { modelId: 'CLAUDE_SONNET_4_5_20250929_V1_0' }) },
    'no model at all': { current: user('hi', { modelId: undefined }) },
    'a root profile': { root: { profileArn: 'arn' } },
  };
  it.each(Object.entries(accepted))('%s', (_name, parts) => {
    expect(refusalOf(JSON.parse(JSON.stringify(bodyOf(parts))))).toBeNull();
  });
});

describe('what the service refuses', () => {
  const improper = { status: 400, message: 'Improperly formed request.' };
  const cases: [name: string, parts: Parts, rule: string, more?: object][] = [
    ['unknown root fields', { root: { inferenceConfig: {} } }, 'root.unknown', { reason: 'REQUEST_BODY_INVALID' }],
    ['the AUTO trigger', { state: { chatTriggerType: 'AUTO' } }, 'trigger', improper],
    ['no conversation id', { state: { conversationId: '' } }, 'conversation', improper],
    ['an unknown origin', { current: user('hi', { origin: 'CURSOR' }) }, 'origin', improper],
    ['an unknown model', { current: user('hi', { modelId: 'gpt-2' }) }, 'model', { reason: 'INVALID_MODEL_ID' }],
    ['a history that begins with the assistant', { history: [answer('a'), user('b')] }, 'history.alternation', improper],
    ['two user turns in a row', { history: [user('a'), user('b')] }, 'history.alternation', improper],
    ['a history that ends with the user', { history: [user('a'), answer('b'), user('c')] }, 'history.alternation', improper],
    ['a turn that is both', { history: [{ ...user('a'), ...answer('b') }, answer('c')] }, 'history.entry', improper],
    ['an assistant as the current message', { current: answer('a') }, 'shape.object', improper],
    ['an empty question', { current: user(' \n') }, 'user.empty', improper],
    ['an empty answer in the history', { history: [user('a'), answer('')] }, 'assistant.empty', improper],
    ['content that is not text', { current: user('x', { content: [{ text: 'x' }] }) }, 'shape.string', improper],
    ['an oversize question', { current: user('x'.repeat(400_001)) }, 'user.size', { reason: 'CONTENT_LENGTH_EXCEEDS_THRESHOLD' }],
    ['an oversize answer', { history: [user('a'), answer('x'.repeat(700_001))] }, 'assistant.size', { message: 'Input is too long.' }],
    [
      'a conversation over the window',
      { history: Array.from({ length: 4 }, (_, i) => (i % 2 ? answer : user)('x'.repeat(300_000))) },
      'window',
      { reason: 'CONTENT_LENGTH_EXCEEDS_THRESHOLD' },
    ],
    ['an endless history', { history: Array.from({ length: 10_002 }, (_, i) => (i % 2 ? answer('b') : user('a'))) }, 'history.length'],

    [
      'an unanswered call',
      { history: [user('a'), answer('', { toolUses: [use('t1')] })], current: user('b', withTools(tool())) },
      'toolResult.pairing',
      { reason: 'TOOL_USE_RESULT_MISMATCH' },
    ],
    [
      'a call unanswered in the history',
      { history: [user('a'), answer('', { toolUses: [use('t1')] }), user('b'), answer('c')], current: user('d', withTools(tool())) },
      'toolResult.pairing',
    ],
    ['an orphan result', { current: user('', results(result('t1'))) }, 'toolResult.pairing', { reason: 'TOOL_USE_RESULT_MISMATCH' }],
    ['results out of order', toolTurn([use('t1'), use('t2')], [result('t2'), result('t1')]), 'toolResult.pairing'],
    ['a result twice', toolTurn([use('t1')], [result('t1'), result('t1')]), 'toolResult.pairing'],
    [
      'a call id twice',
      toolTurn([use('t1'), use('t1')], [result('t1'), result('t1')]),
      'toolUse.duplicate',
      { message: 'Invalid tool use format.' },
    ],
    ['call ids of odd characters', toolTurn([use('a b')], [result('a b')]), 'toolUse.id'],
    ['tool input as text', toolTurn([use('t1', 'read', '{}')], [result('t1')]), 'toolUse.input', { reason: 'REQUEST_BODY_INVALID' }],
    ['a history tool without a specification', toolTurn([use('t1', 'gone')], [result('t1')]), 'toolUse.unspecified', improper],
    ['a history tool when no tools are sent', toolTurn([use('t1')], [result('t1')], []), 'toolUse.unspecified', improper],
    ['a result of unknown status', toolTurn([use('t1')], [result('t1', { status: 'ok' })]), 'toolResult.status'],
    ['an image inside a result', toolTurn([use('t1')], [result('t1', { content: [{ image: image() }] })]), 'toolResult.content'],
    ['an oversize result', toolTurn([use('t1')], [result('t1', { content: [{ text: 'x'.repeat(400_001) }] })]), 'toolResult.size'],

    ['dotted tool names', { current: user('hi', withTools(tool('a.b'))) }, 'tool.name', improper],
    ['tool names over 64 characters', { current: user('hi', withTools(tool('a'.repeat(65)))) }, 'tool.name', improper],
    ['one tool name twice', { current: user('hi', withTools(tool(), tool())) }, 'tool.duplicate', improper],
    ['an empty description', { current: user('hi', withTools(tool('a', { description: ' ' }))) }, 'tool.description', improper],
    [
      'a description over 10,000 characters',
      { current: user('hi', withTools(tool('a', { description: '🙂'.repeat(10_001) }))) },
      'tool.description',
    ],
    ['a description cut inside an emoji', { current: user('hi', withTools(tool('a', { description: 'x\ud83d' }))) }, 'tool.description'],
    [
      'a long description for GPT',
      { current: user('hi', { modelId: 'gpt-5.6-sol', ...withTools(tool('a', { description: 'x'.repeat(9_217) })) }) },
      'tool.description',
    ],
    ['a tool without its wrapper', { current: user('hi', withTools({ name: 'a' })) }, 'tool.entry', improper],
    [
      'a cache point for a model without cache',
      { current: user('hi', { modelId: 'glm-5', ...withTools({ cachePoint: { type: 'default' } }) }) },
      'tool.cachePoint',
    ],

    ['an image format it does not know', { current: user('hi', { images: [image('bmp')] }) }, 'image.format', improper],
    ['jpg for jpeg', { current: user('hi', { images: [image('jpg')] }) }, 'image.format', improper],
    ['an image that is not what it says', { current: user('hi', { images: [image('png', gif)] }) }, 'image.bytes', improper],
    [
      'an image with a data prefix',
      { current: user('hi', { images: [image('png', `data:image/png;base64,${png}`)] }) },
      'image.base64',
      improper,
    ],
    [
      'an oversize image',
      { current: user('hi', { images: [image('png', png + 'A'.repeat(700_000))] }) },
      'image.size',
      { reason: 'CONTENT_LENGTH_EXCEEDS_THRESHOLD' },
    ],
    ['too many images', { current: user('hi', { images: Array.from({ length: 21 }, () => image()) }) }, 'image.count', improper],
    ['images for a text model', { current: user('hi', { modelId: 'glm-5', images: [image()] }) }, 'image.model', improper],

    [
      'flat thinking',
      { history: [user('a'), answer('b', { reasoningContent: { text: 'x', signature: 'signed:x' } })] },
      'reasoning.shape',
      improper,
    ],
    [
      'thinking without a signature',
      { history: [user('a'), answer('b', { reasoningContent: { reasoningText: { text: 'x', signature: '' } } })] },
      'reasoning.shape',
      improper,
    ],
    [
      'foreign thinking',
      { history: [user('a'), answer('b', { reasoningContent: { reasoningText: { text: 'x', signature: 'signed:y' } } })] },
      'reasoning.signature',
      { reason: 'THINKING_SIGNATURE_INVALID' },
    ],
    [
      'foreign redacted thinking',
      { history: [user('a'), answer('b', { reasoningContent: { redactedContent: 'theirs' } })] },
      'reasoning.signature',
    ],
    [
      'Claude fields on GPT',
      native('gpt-5.6-sol', { output_config: { effort: 'low' } }),
      'modelFields',
      { reason: 'REQUEST_BODY_INVALID' },
    ],
    ['max_tokens on GPT', native('gpt-5.6-sol', { max_tokens: 5 }), 'modelFields'],
    ['xhigh on a 4.6 model', native('claude-opus-4.6', { output_config: { effort: 'xhigh' } }), 'modelFields'],
    ['native effort on a 4.5 model', native('claude-sonnet-4.5', { output_config: { effort: 'low' } }), 'modelFields'],
    ['native effort on other models', native('glm-5', { reasoning: { effort: 'low' } }), 'modelFields'],
  ];
  it.each(cases)('%s', (_name, parts, rule, more = {}) => {
    expect(refusalOf(bodyOf(parts))).toMatchObject({ status: 400, rule, ...more });
  });

  it('Opus on a free plan', () => {
    expect(refusalOf(bodyOf({ current: user('hi', { modelId: 'claude-opus-4.5' }) }), false)).toMatchObject({ reason: 'INVALID_MODEL_ID' });
  });

  it.each([
    null,
    1,
    'x',
    [],
    {},
    { conversationState: [] },
    { conversationState: { chatTriggerType: 'MANUAL', conversationId: 'c', currentMessage: null } },
  ])('the body %j', (body) => {
    expect(refusalOf(body)).toMatchObject({ status: 400, reason: null });
  });

  it('never does anything but accept or refuse, whatever JSON arrives', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('history', 'currentMessage', 'userInputMessageContext', 'images'), (value, where) => {
        const inCurrent = where === 'userInputMessageContext' || where === 'images';
        refusalOf(bodyOf(inCurrent ? { current: user('hi', { [where]: value }) } : { state: { [where]: value } }));
      }),
    );
  });
});

describe('tool schemas', () => {
  const refused: Record<string, unknown> = {
    'a root that is no object': { type: 'array', items: {} },
    'a boolean': true,
    'root alternatives': { type: 'object', anyOf: [{ type: 'object' }] },
    additionalProperties: { type: 'object', additionalProperties: false },
    'a nested keyword': { type: 'object', properties: { a: { type: 'array', items: { type: 'string', minLength: 1 } } } },
    'a keyword in an alternative': { type: 'object', properties: { a: { oneOf: [{ const: 1 }] } } },
    'an empty required': { type: 'object', required: [] },
    'a null required': { type: 'object', required: null },
    'a boolean property': { type: 'object', properties: { a: true } },
    references: { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: {} },
    'a default': { type: 'object', properties: { a: { type: 'string', default: '' } } },
  };
  it.each(Object.entries(refused))('%s is refused', (_name, json) => {
    expect(refusalOf(bodyOf({ current: user('hi', withTools(schema(json))) }))).toMatchObject({ reason: 'TOOL_SCHEMA_INVALID' });
  });

  it('of endless depth are refused without exhausting the stack', () => {
    const deep = JSON.parse(`${'{"type":"object","properties":{"a":'.repeat(3_000)}{}${'}}'.repeat(3_000)}`) as unknown;
    expect(() => checkInputSchema(deep, 'x')).toThrow(Refusal);
  });
});

describe('images', () => {
  it('are told by their first bytes', () => {
    expect(sniffImage(Buffer.from([0xff, 0xd8, 0xff, 0xe0]))).toBe('jpeg');
    expect(sniffImage(Buffer.from('RIFF0000WEBP'))).toBe('webp');
    expect(sniffImage(Buffer.from('<svg>'))).toBeNull();
  });

  it('are measured in bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 50 }), (bytes) => {
        expect(base64Bytes(Buffer.from(bytes).toString('base64'))).toBe(bytes.length);
      }),
    );
  });
});
