/** Who asks, and what they may touch: deciders check it themselves, so that no surface can forget to. */
import { AppError } from '../errors.js';

/** The member behind `user/<id>`, or null for admins and the system. */
export function memberOf(actor: string): string | null {
  return actor.startsWith('user/') ? actor.slice('user/'.length) : null;
}

/** Members are refused with `forbidden`. */
export function requireStaff({ actor }: { readonly actor: string }): void {
  if (memberOf(actor) !== null) throw new AppError('forbidden');
}

/** A member touches only what is theirs; the rest does not exist for them (`not_found`). */
export function requireOwner({ actor }: { readonly actor: string }, ownerId: string | null): void {
  const member = memberOf(actor);
  if (member !== null && member !== ownerId) throw new AppError('not_found');
}
