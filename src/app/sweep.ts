/** Ends the requests of dead nodes, for as long as this node lives: any node may do it, the archive keeps one end of each. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { archivedPayloads } from '../events/archiveLookup.js';
import type { EventLog } from '../events/log/port.js';
import type { Database } from '../infra/database/port.js';
import type { Limits, OpenRecord } from '../limits/port.js';
import type { Directory } from '../projections/directory.js';
import type { Ingest } from '../projections/runner/ingest.js';
import type { Clock } from '../shared/clock.js';
import type { Ids } from '../shared/ids.js';
import { tellQuotasOf } from './quotaNotices.js';
import { abandonedEvent } from './recover.js';

export interface SweepDeps {
  readonly db: Database;
  readonly limits: Pick<Limits, 'abandoned' | 'finish' | 'userUse'>;
  readonly directory: Pick<Directory, 'user' | 'settings'>;
  readonly log: Pick<EventLog, 'append'>;
  readonly ingest: Pick<Ingest, 'idle'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly nodeId: string;
  readonly logger: Logger;
  /** Default 2,000. */
  readonly intervalMs?: number;
}

/** Starts at once and looks again every 2 s; what fails is tried again. Returns what ends it. */
export function startSweep(deps: SweepDeps): () => Promise<void> {
  const stop = new AbortController();
  const running = (async () => {
    let failing = false;
    while (!stop.signal.aborted) {
      try {
        await sweepOnce(deps);
        failing = false;
      } catch (error) {
        if (!failing && !stop.signal.aborted) deps.logger.warn({ err: error }, 'requests of dead nodes cannot be ended now; trying again');
        failing = true;
      }
      await wait(deps.intervalMs ?? 2_000, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  return async () => {
    stop.abort();
    await running;
  };
}

/** Appends an end for each request left open, and settles its quota as the end says that the archive has. */
export async function sweepOnce(deps: SweepDeps): Promise<void> {
  const { limits, log, ingest, logger } = deps;
  const records = await limits.abandoned();
  if (records.length === 0) return;
  await Promise.all(records.map((record) => log.append(abandonedEvent(record, deps))));
  await ingest.idle();
  const charged = await chargedOf(deps.db, records);
  for (const record of records) {
    const isCharged = charged.get(record.terminalEventId);
    // Not archived yet, by whichever node: the next look finds it.
    if (isCharged === undefined) continue;
    await limits.finish({ requestId: record.requestId, quota: isCharged ? 'keep' : 'return' });
  }
  await tellQuotasOf(records, deps);
  logger.warn({ requests: records.length }, 'requests of a dead node were ended');
}

/** The dead node's own end may have come first, and may have given the charge back. */
async function chargedOf(db: Database, records: readonly OpenRecord[]): Promise<ReadonlyMap<string, boolean>> {
  const ends = await archivedPayloads(
    db,
    records.map(({ terminalEventId }) => terminalEventId),
  );
  return new Map([...ends].map(([id, data]) => [id, (JSON.parse(data) as { charged?: boolean }).charged !== false]));
}
