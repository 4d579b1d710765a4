/** Terminal: the client left before the reply was whole. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { exampleTerminal, terminalSchema } from './facts.js';

export const requestCancelled = defineEvent({
  type: 'kirogate.request.cancelled',
  version: 1,
  origin: 'traffic',
  aggregate: 'request',
  summary: 'The client left before the reply was whole.',
  schema: terminalSchema.extend({
    /** Code of the catalogue, for example `upstream_error` or `client_closed`. */
    code: z.string(),
    message: z.string().max(500),
  }),
  example: { ...exampleTerminal, status: 499, code: 'client_closed', message: 'The client left.' },
});
