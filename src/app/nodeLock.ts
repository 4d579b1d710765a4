/** One node per data folder: two would each think they own the limits. The lock dies with the process, whatever kills it. */
import { join } from 'node:path';
import { openSqlite } from '../infra/database/sqlite.js';

/**
 * Holds a write transaction on `<dataDir>/node.lock` (an SQLite file: its lock is the operating system's, so a
 * killed process leaves none). Rejects when another node runs on this folder. Returns what releases it.
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  const db = await openSqlite({ path: join(dataDir, 'node.lock'), busyTimeoutMs: 500 });
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let holding: Promise<void> = Promise.resolve();
  try {
    await new Promise<void>((resolve, reject) => {
      holding = db.tx(async () => {
        resolve();
        await held;
      });
      holding.catch(reject);
    });
  } catch (cause) {
    await db.close();
    throw new Error(`another KiroGate node runs on ${dataDir}; stop it, or give this one its own DATA_DIR`, { cause });
  }
  return async () => {
    release();
    await holding;
    await db.close();
  };
}
