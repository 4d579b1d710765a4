/** What an admin changes of an announcement, sent with what it was taken to be: so that another's words are not overwritten unseen. */

export interface Draft {
  readonly content: string;
  readonly active: boolean;
  readonly allowGuest: boolean;
}

/** The body of the PATCH: only what differs from what was shown, and what was shown of that. */
export function patchOf(shown: Draft, draft: Draft): Readonly<Record<string, unknown>> {
  const names = (['content', 'active', 'allowGuest'] as const).filter((name) => draft[name] !== shown[name]);
  const pick = (from: Draft): Readonly<Record<string, unknown>> => Object.fromEntries(names.map((name) => [name, from[name]]));
  return { ...pick(draft), expected: pick(shown) };
}

/** What another admin made of it, as the refusal tells; null: it tells nothing of the kind. */
export function theirsOf(details: Readonly<Record<string, unknown>>): Draft | null {
  const current = details['current'] as Partial<Record<keyof Draft, unknown>> | undefined;
  if (details['reason'] !== 'changed_meanwhile' || typeof current?.content !== 'string') return null;
  return { content: current.content, active: current.active === true, allowGuest: current.allowGuest === true };
}
