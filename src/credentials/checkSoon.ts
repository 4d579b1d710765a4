/** Checks tokens beside what asked for it: nobody waits, and a token is not checked twice at once. */
import type { Logger } from 'pino';

export interface CheckSoonDeps {
  /** Checks and records; rejects only for faults of ours. */
  readonly check: (tokenId: string) => Promise<unknown>;
  readonly logger: Logger;
}

/** Each call begins a check, unless one of the same token runs. Faults are logged. */
export function createCheckSoon({ check, logger }: CheckSoonDeps): (tokenId: string) => void {
  const running = new Set<string>();
  return (tokenId) => {
    if (running.has(tokenId)) return;
    running.add(tokenId);
    void check(tokenId)
      .catch((error: unknown) => logger.warn({ err: error, tokenId }, 'a token could not be checked'))
      .finally(() => running.delete(tokenId));
  };
}
