/** A token moved between the public pool and its owner. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { tokenVisibility } from './state.js';

export const tokenVisibilityChanged = defineEvent({
  type: 'kirogate.token.visibility-changed',
  version: 1,
  origin: 'control',
  aggregate: 'token',
  summary: 'Who may use this token was changed.',
  schema: z.object({ from: tokenVisibility, to: tokenVisibility }),
  example: { from: 'public', to: 'private' },
});
