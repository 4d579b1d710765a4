/** Before anything is folded: every projection of this build has its set, and has taken what the archive already holds. */
import type { Logger } from 'pino';
import { partitionHeads, readPartition } from '../../events/archive.js';
import type { Database } from '../../infra/database/port.js';
import type { Clock } from '../../shared/clock.js';
import type { Projection } from '../define.js';
import { applyEvents } from './apply.js';
import { activate, activeVersions, checkpointsOf } from './checkpoints.js';
import { lockPartitions } from './locks.js';
import { rebuild } from './rebuild.js';

const PAGE = 2_000;

export interface PrepareDeps {
  readonly db: Database;
  readonly projections: readonly Projection[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The projections cannot be brought to this build, however often it is tried. */
export class PrepareError extends Error {
  override readonly name = 'PrepareError';
}

/** Throws PrepareError when a newer build has activated a version that this one does not have. */
export async function prepareProjections(deps: PrepareDeps): Promise<void> {
  const { db, logger, clock } = deps;
  const active = await activeVersions(db);
  for (const projection of deps.projections) {
    const version = active.get(projection.name);
    if (version !== undefined && version > projection.version) {
      throw new PrepareError(
        `projection ${projection.name} is at version ${version}, this build has ${projection.version}: run the newer build`,
      );
    }
    if (version !== undefined && version < projection.version) {
      logger.info({ projection: projection.name, from: version, to: projection.version }, 'rebuilding a projection whose meaning changed');
      await rebuild({ db, projection, clock });
    } else {
      if (version === undefined) await db.tx((tx) => activate(tx, projection, clock.now()));
      await catchUp(deps, projection);
    }
  }
}

/** A projection that is new to this installation, or fell behind, takes what it lacks into its live tables. */
async function catchUp({ db, clock, logger }: PrepareDeps, projection: Projection): Promise<void> {
  let taken = 0;
  const stands = await checkpointsOf(db, projection);
  for (const [partition, head] of await partitionHeads(db)) {
    for (let more = (stands.get(partition) ?? 0) < head.position; more; ) {
      const count = await db.tx(async (tx) => {
        // Other nodes may be at the same: each page is taken once.
        await lockPartitions(tx, [partition]);
        const after = (await checkpointsOf(tx, projection)).get(partition) ?? 0;
        const events = await readPartition(tx, partition, after, PAGE);
        await applyEvents(tx, events, { projections: [projection], careful: true, now: clock.now() });
        return events.length;
      });
      taken += count;
      more = count === PAGE;
    }
  }
  if (taken > 0) logger.info({ projection: projection.name, events: taken }, 'a projection took what it lacked');
}
