/** Terminal: the client got the whole reply. */
import { defineEvent } from '../define.js';
import { exampleTerminal, terminalSchema } from '../request/facts.js';

export const tokenUsed = defineEvent({
  type: 'kirogate.token.used',
  version: 1,
  origin: 'traffic',
  aggregate: 'token',
  summary: 'A request was served whole by this token.',
  schema: terminalSchema,
  example: exampleTerminal,
});
