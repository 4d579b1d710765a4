/** A lock that dies with its process, whatever kills it: a write transaction on an SQLite file is the operating system's own lock. */
import { openSqlite } from './database/sqlite.js';

/** Lets go of the lock; the file stays. */
export type ReleaseLock = () => Promise<void>;

/** Takes the lock; null when another process (or another holder in this one) has it. Its folder must be there. */
export async function lockFile(path: string, waitMs = 100): Promise<ReleaseLock | null> {
  const db = await openSqlite({ path, busyTimeoutMs: waitMs }).catch((error: unknown) => {
    // Somebody makes the file at this moment.
    if (isBusy(error)) return null;
    throw error;
  });
  if (db === null) return null;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let holding: Promise<void> = Promise.resolve();
  const taken = await new Promise<boolean>((resolve) => {
    holding = db.tx(async () => {
      resolve(true);
      await released;
    });
    holding.catch(() => resolve(false));
  });
  if (!taken) {
    await db.close();
    return null;
  }
  return async () => {
    release();
    await holding;
    await db.close();
  };
}

function isBusy(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'SQLITE_BUSY';
}
