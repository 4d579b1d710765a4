/** Rules that issuing and changing a key share. */
import { AppError } from '../../errors.js';
import { memberOf } from '../actor.js';
import type { CommandContext } from '../define.js';

/** Members may lower the rate of a key; only admins raise it above the site's figure or what they once gave. */
export function requireRate(context: CommandContext, rpmLimit: number | null, most: number): void {
  if (rpmLimit !== null && rpmLimit > most && memberOf(context.actor) !== null) {
    throw new AppError('invalid_request', {
      message: `rpmLimit must be at most ${most}.`,
      param: 'rpmLimit',
      extra: { issue: { code: 'range', min: 1, max: most } },
    });
  }
}

export function requireFuture(context: CommandContext, expiresAt: number | null): void {
  if (expiresAt !== null && expiresAt <= context.now) {
    throw new AppError('invalid_request', {
      message: 'expiresAt must lie in the future.',
      param: 'expiresAt',
      extra: { reason: 'in_the_past' },
    });
  }
}
