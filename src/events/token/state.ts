/** What the control events of a token tell about its state: reasons, terms, and the form of a change. */
import { z } from 'zod';
import { count, freeText } from '../fields.js';

/** `failures` ends by an admin or a passed check, `upstream` and `admin` by an admin, `credits` at the reset. */
export const suspensionReason = z.enum(['failures', 'upstream', 'admin', 'credits']);

export const tokenStatus = z.enum(['active', 'suspended', 'invalid']);

export const tokenVisibility = z.enum(['public', 'private']);

/** Status as it was before an event; `until` is set while the token is out of credits. */
export const tokenStanding = z.object({
  status: tokenStatus,
  reason: suspensionReason.nullable(),
  until: count.nullable(),
});

/** What an owner may set on a token. `dailyCap`: requests per UTC day; null: no cap, all models. */
export const tokenLimits = z.object({
  name: freeText(100).nullable(),
  dailyCap: count.nullable(),
  allowedModels: z.array(z.string().max(200)).max(200).nullable(),
});
