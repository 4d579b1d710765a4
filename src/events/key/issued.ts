/** A client key was made. Its hash is in the vault only; the key itself is shown once. */
import { z } from 'zod';
import { defineEvent } from '../define.js';
import { keySettings } from './state.js';

export const keyIssued = defineEvent({
  type: 'kirogate.key.issued',
  version: 1,
  origin: 'control',
  aggregate: 'key',
  summary: 'This key was issued.',
  schema: keySettings.extend({
    userId: z.string(),
    /** Its first characters, for people to tell keys apart. */
    prefix: z.string().max(20),
  }),
  example: {
    name: 'laptop',
    rpmLimit: null,
    allowedModels: null,
    expiresAt: null,
    userId: 'k3v9x2m7q1w8e4r6',
    prefix: 'sk-Ab3dE6gH',
  },
});
