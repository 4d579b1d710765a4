/**
 * What each run has sent of late, noted in the database beside Redis: where a node and Redis go at once, the windows of the home
 * that follows still hold what that node sent until some seconds before.
 */
import type { Logger } from 'pino';
import { z } from 'zod';
import { databaseNow } from '../../infra/database/databaseNow.js';
import { type Database, type Queryable, sql } from '../../infra/database/port.js';
import type { Ledger } from '../facts.js';
import { HOUR_MS, MARGIN_MS } from '../window.js';

/** A send of a run that tells nothing any more. */
export interface NotedSend {
  readonly tokenId: string;
  readonly terminalEventId: string;
  /** The database's clock, ms. */
  readonly at: number;
}

/** The newest; more than that is unarchived only while the archive stands still. */
const MOST_SENDS = 10_000;
/** Token, terminal event, ms before the note was written. */
const sendsSchema = z.array(z.tuple([z.string(), z.string(), z.number()]));
/** Beyond this a send is in nobody's window. */
const KEPT_MS = HOUR_MS + MARGIN_MS;

export interface SendsNoteDeps {
  readonly db: Database;
  readonly ledger: Pick<Ledger, 'sends'>;
  readonly runId: string;
  readonly monotonic: () => number;
  readonly everyMs: number;
  readonly logger: Logger;
}

/** Notes them again and again, unless there are none as before. Answers what ends it. */
export function noteSends({ db, ledger, runId, monotonic, everyMs, logger }: SendsNoteDeps): () => void {
  let isEmpty = true;
  let isWriting = false;
  const write = async (): Promise<void> => {
    const sends = ledger.sends().slice(-MOST_SENDS);
    if (isEmpty && sends.length === 0) return;
    const now = monotonic();
    // A call without an answer may have been counted by the upstream at any moment until now.
    const note = sends.map(({ tokenId, terminalEventId, at }) => [tokenId, terminalEventId, Math.max(0, Math.round(now - (at ?? now)))]);
    await db.query(sql`insert into limits_sends (run_id, noted_at, sends)
      values (${runId}, ${databaseNow(db.engine)}, ${JSON.stringify(note)})
      on conflict (run_id) do update set noted_at = excluded.noted_at, sends = excluded.sends`);
    await db.query(sql`delete from limits_sends where noted_at < ${databaseNow(db.engine)} - ${KEPT_MS}`);
    isEmpty = sends.length === 0;
  };
  const timer = setInterval(() => {
    if (isWriting) return;
    isWriting = true;
    write()
      .catch((error: unknown) => logger.debug({ err: error }, 'what was sent could not be noted'))
      .finally(() => {
        isWriting = false;
      });
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** What was noted by all runs but these. */
export async function readSends(db: Queryable, known: ReadonlySet<string>): Promise<NotedSend[]> {
  const rows = await db.query<{ run_id: string; noted_at: number; sends: string }>(
    sql`select run_id, noted_at, sends from limits_sends where noted_at > ${databaseNow(db.engine)} - ${KEPT_MS}`,
  );
  return rows
    .filter(({ run_id }) => !known.has(run_id))
    .flatMap(({ noted_at, sends }) =>
      sendsSchema.parse(JSON.parse(sends)).map(([tokenId, terminalEventId, ago]) => ({ tokenId, terminalEventId, at: noted_at - ago })),
    );
}
