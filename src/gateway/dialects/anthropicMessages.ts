/** The dialect of `POST /v1/messages`, and the parser of its `count_tokens`. */
import { messagesError } from './anthropicMessages/error.js';
import { parseMessages } from './anthropicMessages/parse.js';
import { messagesStream } from './anthropicMessages/stream.js';
import { messagesWhole } from './anthropicMessages/whole.js';
import type { Dialect } from './define.js';

export { parseCountTokens } from './anthropicMessages/parse.js';

export const anthropicMessages: Dialect = {
  name: 'anthropic_messages',
  endpoint: '/v1/messages',
  parse: parseMessages,
  stream: messagesStream,
  whole: messagesWhole,
  error: messagesError,
};
