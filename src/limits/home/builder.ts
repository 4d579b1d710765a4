/** Fills the next home of the limits and opens it: any node may, each on its own, and the first one to finish counts. */
import type { Logger } from 'pino';
import type { Database, Queryable } from '../../infra/database/port.js';
import { createReplica } from '../database/replica.js';
import { loadTerm } from '../database/store.js';
import type { LimitSettings, PoolToken, RestoredState } from '../port.js';
import type { LimitsState } from '../transfer.js';
import { buildState, withPool } from './build.js';
import type { RedisPlace } from './redisPlace.js';
import { type HomeRow, openInDatabase, openInRedis, readClock, readFacts } from './row.js';
import { readSends } from './sends.js';

export interface BuilderDeps {
  readonly db: Database;
  readonly place: RedisPlace;
  readonly runId: string;
  readonly random: () => number;
  readonly logger: Logger;
  /** Settings and tokens as the directory has them. */
  readonly poolState: () => { readonly settings: LimitSettings; readonly tokens: readonly PoolToken[] };
  /** Charges and sends as the read models know them; `now`: ms of the database's clock. */
  readonly readRestore: (db: Queryable, now: number) => Promise<RestoredState>;
  /** Which of these event ids are in the archive. */
  readonly archivedIds: (db: Queryable, ids: readonly string[]) => Promise<readonly string[]>;
}

/** Event ids asked for in one statement. */
const IDS_AT_ONCE = 2_000;

/** True: this node opened the term. Rejects where a store did not answer; nothing is open then. */
export async function buildHome(deps: BuilderDeps, row: HomeRow): Promise<boolean> {
  const { db, place, logger } = deps;
  const state = row.fromTerm === null ? await fromFacts(deps, row.term) : await fromDatabase(deps, row.fromTerm);
  if (row.home === 'database') return openInDatabase(db, row.term, state);
  const { root, redisRunId } = await place.fill(row.term, state, () => readClock(db));
  if (await openInRedis(db, row.term, redisRunId, root)) return true;
  await place.drop(root).catch((error: unknown) => logger.warn({ err: error }, 'keys of limits that were not needed stay in Redis'));
  return false;
}

async function fromFacts({ db, random, poolState, readRestore, archivedIds }: BuilderDeps, term: number): Promise<LimitsState> {
  // Charges come from the archive or from facts, never from both or neither: one view of both.
  return db.snapshot(async (tx) => {
    const facts = await readFacts(tx, term);
    const now = await readClock(tx);
    const sends = await readSends(tx, new Set(facts.map(({ runId }) => runId)));
    const ids = [...facts.flatMap((one) => one.facts.requests.map(({ record }) => record)), ...sends].map((one) => one.terminalEventId);
    const archived = await findArchived(tx, ids, archivedIds);
    const history = await readRestore(tx, now);
    return buildState({ facts, sends, archived, history, pool: poolState(), now, random });
  });
}

/** Which of the ids are archived, some at a time. */
export async function findArchived(db: Queryable, ids: readonly string[], archivedIds: BuilderDeps['archivedIds']): Promise<Set<string>> {
  const found = new Set<string>();
  for (let from = 0; from < ids.length; from += IDS_AT_ONCE) {
    for (const id of await archivedIds(db, ids.slice(from, from + IDS_AT_ONCE))) found.add(id);
  }
  return found;
}

async function fromDatabase({ db, random, runId, poolState }: BuilderDeps, term: number): Promise<LimitsState> {
  const loaded = await loadTerm(db, term);
  if (loaded === undefined) throw new Error(`the limits of term ${term} are not in the database`);
  const replica = createReplica({ random, run: runId, state: loaded.state, now: loaded.state.at });
  for (const { run, at, ops } of loaded.batches) for (const op of ops) replica.apply(op, run, { mono: at, wall: at });
  const last = Math.max(loaded.now, loaded.batches.at(-1)?.at ?? 0);
  return withPool(replica.dump({ mono: last, wall: last }), poolState(), last, random);
}
