/** The name or limits of a client key changed. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { keySettings } from './state.js';

export const keyChanged = defineEvent({
  type: 'kirogate.key.changed',
  version: 1,
  origin: 'control',
  aggregate: 'key',
  summary: 'The name or limits of this key were changed.',
  schema: z.object({ userId: z.string(), from: keySettings, to: keySettings }),
  example: {
    userId: 'k3v9x2m7q1w8e4r6',
    from: { name: 'laptop', rpmLimit: null, allowedModels: null, expiresAt: null },
    to: { name: 'laptop', rpmLimit: 10, allowedModels: ['claude-sonnet-4.5'], expiresAt: null },
  },
});
