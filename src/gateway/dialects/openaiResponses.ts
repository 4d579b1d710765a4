/** The dialect of `POST /v1/responses`. */
import type { Dialect } from './define.js';
import { responsesError } from './openaiResponses/error.js';
import { parseResponses } from './openaiResponses/parse.js';
import { responsesStream } from './openaiResponses/stream.js';
import { responsesWhole } from './openaiResponses/whole.js';

export const openaiResponses: Dialect = {
  name: 'openai_responses',
  endpoint: '/v1/responses',
  parse: parseResponses,
  stream: responsesStream,
  whole: responsesWhole,
  error: responsesError,
};
