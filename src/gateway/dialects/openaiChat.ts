/** The dialect of `POST /v1/chat/completions`. */
import type { Dialect } from './define.js';
import { chatError } from './openaiChat/error.js';
import { parseChat } from './openaiChat/parse.js';
import { chatStream } from './openaiChat/stream.js';
import { chatWhole } from './openaiChat/whole.js';

export const openaiChat: Dialect = {
  name: 'openai_chat',
  endpoint: '/v1/chat/completions',
  parse: parseChat,
  stream: chatStream,
  whole: chatWhole,
  error: chatError,
};
