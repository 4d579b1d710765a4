/** May a run that has begun still call the upstream? What was revoked, banned or taken out of service meanwhile gets no new call. */
import { AppError } from '../../errors.js';
import { UpstreamFailure } from '../../upstreams/define.js';
import type { GatewayDeps } from '../deps.js';
import { isPooled } from './attempt.js';
import { recheck } from './authenticate.js';
import type { Run } from './run.js';

/** Throws AppError for the caller, UpstreamFailure `withdrawn` for the token. Asks nobody. */
export function mustStillServe(run: Run, tokenId: string, deps: GatewayDeps): void {
  recheck(run.caller, deps);
  if (!isPooled(tokenId)) return;
  const token = deps.directory.token(tokenId);
  // Out of credits until a moment: the limits know when that is over.
  if (token?.status === 'active' || token?.statusReason === 'credits') return;
  throw new UpstreamFailure({ kind: 'withdrawn', message: 'The token was taken out of service.' });
}

/** The same of the caller alone. */
export function isStillWelcome(run: Run, deps: GatewayDeps): boolean {
  try {
    recheck(run.caller, deps);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/**
 * The work's result, or what `mustStillServe` throws now or as soon as the directory hears of it: a refresh or a store that hangs
 * keeps nobody waiting who is refused anyway. The work itself goes on; its late failure is nobody's.
 */
export function whileServing<T>(work: Promise<T>, run: Run, tokenId: string, deps: GatewayDeps): Promise<T> {
  return new Promise((resolve, reject) => {
    let end = (): void => undefined;
    const look = (): void => {
      try {
        mustStillServe(run, tokenId, deps);
      } catch (error) {
        end();
        reject(error);
      }
    };
    end = deps.directory.onChange(look);
    work.then(resolve, reject).finally(end);
    look();
  });
}
