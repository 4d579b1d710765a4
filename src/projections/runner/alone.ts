/** One build of a kind at a time over all nodes: a second one is told so instead of doing the same work again. */
import { setTimeout as wait } from 'node:timers/promises';
import { type Database, sql } from '../../infra/database/port.js';

/** Another process is at it. */
export class BuildBusy extends Error {
  override readonly name = 'BuildBusy';
}

/** The first half of the server's advisory lock; the second is the work's name. */
const LOCKS = 471_120;
/** A transaction without a statement is ended by the server after some seconds. */
const STILL_HERE_MS = 1_000;

/**
 * Holds a lock of the server that goes with this process's life. Only for peace: should the lock be lost, what two builds
 * write stays apart. Throws BuildBusy. SQLite has no such lock.
 */
export async function alone<T>(db: Database, name: string, work: () => Promise<T>): Promise<T> {
  if (db.engine === 'sqlite') return work();
  let started: Promise<T> | undefined;
  const holding = db.tx(async (tx) => {
    const [row] = await tx.query<{ got: boolean }>(sql`select pg_try_advisory_xact_lock(${LOCKS}, hashtext(${name})) as got`);
    if (row?.got !== true) throw new BuildBusy(`${name} is under way on another node`);
    started = work();
    const ended = started.then(
      () => true,
      () => true,
    );
    while (!(await Promise.race([ended, wait(STILL_HERE_MS, false, { ref: false })]))) await tx.query(sql`select 1`);
  });
  try {
    await holding;
  } catch (error) {
    // What has begun goes on without the lock.
    if (started === undefined) throw error;
  }
  if (started === undefined) throw new BuildBusy(`${name} did not begin`);
  return started;
}
