/** What earlier homes still hold when a new one is open: requests of a run that slept through the change, and of runs that died. */
import type { Logger } from 'pino';
import type { Database } from '../../infra/database/port.js';
import type { Ledger } from '../facts.js';
import { dayNumber } from '../period.js';
import type { AttemptEntry, RequestEntry } from '../transfer.js';
import { type BuilderDeps, findArchived } from './builder.js';
import type { RedisPlace } from './redisPlace.js';
import { type HomeRow, readClock, runsSince } from './row.js';
import type { Tenure } from './tenure.js';

export interface RemainsDeps {
  readonly db: Database;
  readonly place: RedisPlace;
  readonly ledger: Ledger;
  readonly runId: string;
  readonly monotonic: () => number;
  readonly archivedIds: BuilderDeps['archivedIds'];
  readonly living: () => Promise<readonly { readonly runId: string }[]>;
  readonly logger: Logger;
}

/**
 * This run had no part in filling the home: what it began, and what the archive does not know, is added now. What was
 * archived meanwhile was in the read models when the home was filled, or is so little late that it does not matter.
 */
export async function adoptLate({ db, ledger, runId, monotonic, archivedIds }: RemainsDeps, home: Tenure): Promise<void> {
  const mine = ledger.requests();
  if (mine.length === 0) return;
  const archived = await findArchived(
    db,
    mine.map(({ record }) => record.terminalEventId),
    archivedIds,
  );
  const sentAt = monotonic();
  const ahead = (await readClock(db)) - sentAt;
  const requests: RequestEntry[] = [];
  const attempts: AttemptEntry[] = [];
  const kept: string[] = [];
  for (const { record, quota, opener, begunAt, fate, left, attempts: tried } of mine) {
    if (archived.has(record.terminalEventId) || fate === 'returned') continue;
    requests.push({ record, quota, opener, begunAt: begunAt + ahead, run: runId, left });
    if (fate === 'kept') kept.push(record.requestId);
    for (const { id, tokenId, provider, model, begunAt: begun, respondedAt, ended } of tried) {
      if (ended) continue;
      const at = begun + ahead;
      const rest = {
        epoch: 0,
        begunAt: at,
        day: dayNumber(at),
        respondedAt: respondedAt === null ? null : respondedAt + ahead,
        served: false,
      };
      attempts.push({ id, run: runId, requestId: record.requestId, tokenId, provider, model, ...rest });
    }
  }
  await home.limits.adopt(requests, attempts);
  for (const requestId of kept) await home.limits.finish({ requestId, quota: 'keep' });
}

/** Open requests of dead runs in roots of earlier terms come to this run; then the roots go, and what was filled in vain. */
export async function takeOver(deps: RemainsDeps, { term, root }: HomeRow, home: Tenure): Promise<void> {
  const { db, place, runId, archivedIds, logger } = deps;
  if (root !== null) await place.dropTwins(term, root);
  for (const old of await place.oldRoots(term)) {
    const known = await runsSince(db, old.term);
    const living = new Set((await deps.living()).map((run) => run.runId));
    for (const run of old.runs) {
      // Who told its facts for a later term had its requests there.
      if (living.has(run) || known.has(run) || run === runId) continue;
      const records = await place.openOf(old.root, run);
      const archived = await findArchived(
        db,
        records.map((record) => record.terminalEventId),
        archivedIds,
      );
      const begunAt = await readClock(db);
      const left = records
        .filter((record) => !archived.has(record.terminalEventId))
        .map((record): RequestEntry => ({ record, run: runId, left: true, quota: null, opener: record.attemptId, begunAt }));
      await home.limits.adopt(left, []);
      if (left.length > 0) logger.warn({ requests: left.length }, 'requests of a dead run were found in an earlier home of the limits');
    }
    await place.drop(old.root);
  }
}
