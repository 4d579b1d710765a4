/** Which token serves while the database is lost that alone knows most credentials. */
import { AppError } from '../../errors.js';
import { UpstreamFailure } from '../../upstreams/define.js';
import type { GatewayDeps } from '../deps.js';
import { type AdmittedAttempt, admit } from './admit.js';
import type { Run } from './run.js';

/** Tokens at hand that the limits are asked for before any other is looked at again. */
const MOST_ASKED = 6;

/** Only the database knows this credential, and it does not answer: others may be at hand. Throws what `get` rejected with, or so told. */
export function outOfReach(error: unknown): never {
  if (!(error instanceof AppError) || error.code !== 'storage_unavailable') throw error;
  throw new UpstreamFailure({ kind: 'withdrawn', message: 'The credential is out of reach while the database is lost.', cause: error });
}

export const isOutOfReach = ({ kind, cause }: UpstreamFailure): boolean =>
  kind === 'withdrawn' && cause instanceof AppError && cause.code === 'storage_unavailable';

/**
 * A token whose credential this node holds: the caller's own first, else any, so that they share the load. null: none of those that
 * were asked for may serve now. Which one would be best is not weighed: among tokens that nobody used, the best are out of reach.
 */
export async function admitAtHand(run: Run, tried: readonly string[], deps: GatewayDeps): Promise<AdmittedAttempt | null> {
  const own = (tokenId: string): boolean => deps.directory.token(tokenId)?.ownerId === run.caller.userId;
  const asked = deps.access
    .atHand()
    .filter((tokenId) => !tried.includes(tokenId) && deps.directory.token(tokenId)?.status === 'active')
    .map((tokenId) => ({ tokenId, at: (own(tokenId) ? 0 : 1) + deps.random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, MOST_ASKED);
  for (const { tokenId } of asked) {
    const answer = await admit(run, { attempt: run.attempts.length + 1, exclude: [], onlyTokenId: tokenId }, deps);
    if (answer.ok) return answer;
  }
  return null;
}
