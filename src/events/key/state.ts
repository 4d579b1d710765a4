/** What can be set on an API key. */
import { z } from 'zod';
import { count, freeText } from '../fields.js';

/** null: the site's default rate, all models, no end. `expiresAt` in ms since epoch, rate in requests per minute. */
export const keySettings = z.object({
  name: freeText(100),
  rpmLimit: count.nullable(),
  allowedModels: z.array(z.string().max(200)).max(200).nullable(),
  expiresAt: count.nullable(),
});
