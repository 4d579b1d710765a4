/** Terminal: the client got an error, before or in the stream. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { exampleTerminal, terminalSchema } from './facts.js';

export const requestFailed = defineEvent({
  type: 'kirogate.request.failed',
  version: 1,
  origin: 'traffic',
  aggregate: 'request',
  summary: 'The client got an error, before or in the stream.',
  schema: terminalSchema.extend({
    /** Code of the catalogue, for example `upstream_error` or `client_closed`. */
    code: z.string(),
    message: z.string().max(500),
  }),
  example: { ...exampleTerminal, status: 502, code: 'upstream_error', message: 'The upstream failed.' },
});
