/** What the key rows of admin and member share. */
import { z } from 'zod';
import { rpm } from '../../commands/fields.js';
import type { PanelContext } from './deps.js';
import { knownModels } from './donations.js';
import { bodyTime, iso, isoOrNull, maybeTime, models, requiredText, time } from './fields.js';
import type { KeyRow } from './reads/keys.js';

export const keyItem = z.strictObject({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  createdAt: time,
  lastUsedAt: maybeTime,
  requests: z.int(),
  status: z.enum(['active', 'revoked', 'expired']),
  /** null: the site's default. */
  rpmLimit: z.int().nullable(),
  /** null: all. */
  allowedModels: z.array(z.string()).nullable(),
  expiresAt: maybeTime,
});

export function toKeyItem(key: KeyRow): z.input<typeof keyItem> {
  return {
    ...key,
    allowedModels: key.allowedModels === null ? null : [...key.allowedModels],
    createdAt: iso(key.createdAt),
    lastUsedAt: isoOrNull(key.lastUsedAt),
    expiresAt: isoOrNull(key.expiresAt),
  };
}

export const newKey = z.strictObject({
  name: requiredText(100),
  rpmLimit: rpm.nullable().optional(),
  allowedModels: models.nullable().optional(),
  expiresAt: bodyTime.nullable().optional(),
});

export const issuedKey = z.strictObject({
  id: z.string(),
  /** Shown this once. */
  key: z.string(),
});

export const keyPatch = newKey.partial();

/** What was given, with models that some upstream may know. Throws `invalid_request`. */
export function withKnownModels<T extends { readonly allowedModels?: string[] | null | undefined }>(
  given: T,
  context: Pick<PanelContext, 'upstreams'>,
): T {
  return given.allowedModels == null ? given : { ...given, allowedModels: knownModels(given.allowedModels, context) };
}
