/** Whatever JSON a client sends, parsing gives a request or a 400 that names a field (promise 8). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import { anthropicMessages, parseCountTokens } from './anthropicMessages.js';
import { openaiChat } from './openaiChat.js';
import { openaiResponses } from './openaiResponses.js';

const anyJson = fc.jsonValue({ maxDepth: 2 });
const block = fc.oneof(
  anyJson,
  fc.record(
    {
      type: fc.oneof(
        fc.constantFrom(
          'text',
          'image',
          'image_url',
          'tool_use',
          'tool_result',
          'thinking',
          'redacted_thinking',
          'document',
          'file',
          'search_result',
          'input_image',
          'input_file',
        ),
        anyJson,
      ),
      text: fc.oneof(fc.string(), anyJson),
      source: fc.oneof(
        fc.record({
          type: fc.constantFrom('base64', 'url', 'text', 'content'),
          data: fc.string(),
          url: fc.string(),
          media_type: fc.string(),
        }),
        anyJson,
      ),
      image_url: fc.oneof(fc.record({ url: fc.constantFrom('https://x/y.png', 'data:image/png;base64,AAAA', 'data:', '') }), anyJson),
      id: fc.oneof(fc.string(), anyJson),
      name: fc.oneof(fc.string(), anyJson),
      input: anyJson,
      tool_use_id: fc.oneof(fc.string(), anyJson),
      thinking: fc.oneof(fc.string(), anyJson),
      content: anyJson,
      file: anyJson,
    },
    { requiredKeys: ['type'] },
  ),
);
const message = fc.record(
  {
    role: fc.oneof(fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'function'), anyJson),
    content: fc.oneof(fc.string(), fc.array(block, { maxLength: 3 }), anyJson),
    tool_calls: anyJson,
    tool_call_id: fc.oneof(fc.string(), anyJson),
    function_call: anyJson,
    name: anyJson,
  },
  { requiredKeys: ['role', 'content'] },
);
const item = fc.record(
  {
    type: fc.oneof(
      fc.constantFrom(
        'message',
        'function_call',
        'custom_tool_call',
        'function_call_output',
        'custom_tool_call_output',
        'reasoning',
        'additional_tools',
        'tool_search_output',
        'web_search_call',
        'item_reference',
      ),
      anyJson,
    ),
    role: fc.oneof(fc.constantFrom('system', 'developer', 'user', 'assistant'), anyJson),
    content: fc.oneof(fc.string(), fc.array(block, { maxLength: 3 }), anyJson),
    call_id: fc.oneof(fc.string(), anyJson),
    name: fc.oneof(fc.string(), anyJson),
    namespace: anyJson,
    arguments: fc.oneof(fc.json(), anyJson),
    input: anyJson,
    output: fc.oneof(fc.string(), fc.array(block, { maxLength: 2 }), anyJson),
    summary: fc.oneof(fc.array(fc.record({ text: fc.string() }), { maxLength: 2 }), anyJson),
    encrypted_content: anyJson,
    tools: anyJson,
  },
  { requiredKeys: ['type'] },
);
const nearly = fc.record(
  {
    model: fc.oneof(fc.constant('auto'), anyJson),
    input: fc.oneof({ weight: 9, arbitrary: fc.array(item, { maxLength: 4 }) }, { weight: 1, arbitrary: anyJson }),
    instructions: fc.oneof(fc.string(), anyJson),
    text: fc.record({ format: anyJson }),
    include: anyJson,
    reasoning: anyJson,
    max_tokens: fc.oneof({ weight: 9, arbitrary: fc.constant(10) }, { weight: 1, arbitrary: anyJson }),
    messages: fc.oneof({ weight: 9, arbitrary: fc.array(message, { maxLength: 4 }) }, { weight: 1, arbitrary: anyJson }),
    system: fc.oneof(fc.string(), fc.array(block, { maxLength: 2 }), anyJson),
    tools: fc.oneof(
      fc.array(
        fc.oneof(
          anyJson,
          fc.record(
            {
              type: fc.oneof(fc.constantFrom('function', 'custom', 'namespace', 'web_search'), fc.string(), anyJson),
              name: fc.string(),
              function: anyJson,
              format: anyJson,
              tools: anyJson,
            },
            { requiredKeys: [] },
          ),
        ),
        { maxLength: 2 },
      ),
      anyJson,
    ),
    tool_choice: fc.oneof(
      fc.constantFrom('auto', 'none', 'required', { type: 'any' }, { type: 'tool', name: 'x' }, { type: 'allowed_tools' }),
      anyJson,
    ),
    thinking: anyJson,
    stop: anyJson,
    response_format: anyJson,
    metadata: anyJson,
  },
  { requiredKeys: ['model', 'max_tokens', 'messages', 'input'] },
);

/** Bodies that are right for the most part get past the first check. */
const bodies = fc.oneof(fc.jsonValue(), nearly);

const parsers = {
  [openaiChat.endpoint]: openaiChat.parse,
  [openaiResponses.endpoint]: openaiResponses.parse,
  [anthropicMessages.endpoint]: anthropicMessages.parse,
  '/v1/messages/count_tokens': parseCountTokens,
};

it.each(Object.entries(parsers))('%s answers any JSON with a request or a 400 that names a field', (_path, parse) => {
  fc.assert(
    fc.property(bodies, (body) => {
      try {
        parse(body, {});
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        expect(error.code).toBe('invalid_request');
        expect(error.param).toMatch(/^[a-z_]+/);
        expect(error.message.startsWith(`${error.param}: `)).toBe(true);
      }
    }),
    { numRuns: 1_000 },
  );
});
