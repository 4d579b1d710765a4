/** What a notice is about, for pages that tell it in the reader's own words: taken from the event that it came of, whose id it has. */
import { z } from 'zod';
import { archivedPayloads } from '../../../events/archiveLookup.js';
import type { NotificationItem } from '../../../projections/notifications.js';
import type { PanelContext } from '../deps.js';
import { iso, time } from '../fields.js';

export const noticeFacts = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('quota'), period: z.enum(['daily', 'monthly']), used: z.int(), limit: z.int(), resetAt: time }),
    z.strictObject({ kind: z.literal('token'), tokenId: z.string(), tokenName: z.string().nullable(), reason: z.string().nullable() }),
  ])
  .nullable();
type Facts = z.input<typeof noticeFacts>;

const quotaData = z.object({ quota: z.enum(['daily', 'monthly']), used: z.int(), limit: z.int(), resetAt: z.int() });
/** An invalid token has no reason of ours, only the upstream's words. */
const tokenData = z.object({ reason: z.string().optional(), message: z.string().nullish() });

/** From an event's data; null: they are of a form that is not known here. */
export function quotaFacts(data: unknown): Facts {
  const known = quotaData.safeParse(data).data;
  if (known === undefined) return null;
  return { kind: 'quota', period: known.quota, used: known.used, limit: known.limit, resetAt: iso(known.resetAt) };
}

export function tokenFacts(tokenId: string, data: unknown, { directory }: Pick<PanelContext, 'directory'>): Facts {
  const known = tokenData.safeParse(data).data;
  return { kind: 'token', tokenId, tokenName: directory.token(tokenId)?.name ?? null, reason: known?.reason ?? known?.message ?? null };
}

/** The items with their facts, and with times in their English words as people write them. */
export async function withFacts<T extends Pick<NotificationItem, 'id' | 'message' | 'tokenId'>>(
  items: readonly T[],
  context: Pick<PanelContext, 'db' | 'directory'>,
): Promise<(T & { data: Facts })[]> {
  const payloads = await archivedPayloads(
    context.db,
    items.map(({ id }) => id),
  );
  return items.map((item) => {
    const payload = parsed(payloads.get(item.id));
    const data = item.tokenId === null ? quotaFacts(payload) : payload === undefined ? null : tokenFacts(item.tokenId, payload, context);
    return { ...item, message: readable(item.message), data };
  });
}

function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** `2026-11-24T00:00:00.000Z` as `2026-11-24 00:00 UTC`. */
function readable(message: string): string {
  return message.replace(/\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z/g, '$1 $2 UTC');
}
