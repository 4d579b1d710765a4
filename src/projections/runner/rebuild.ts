/** Rebuilds a projection from the archive beside the live tables, compares the two, and swaps; the system serves meanwhile. */
import type { Database } from '../../infra/database/port.js';
import type { Clock } from '../../shared/clock.js';
import type { Projection } from '../define.js';
import { alone } from './alone.js';
import { type Build, BuildError, type BuildProgress, startBuild } from './build.js';
import { activate, activeVersions, advance, checkpointsOf } from './checkpoints.js';
import { checksum, type Difference, firstDifference } from './checksum.js';
import { liveTable } from './fold.js';
import { lockPartitions } from './locks.js';
import { swapScratch } from './scratch.js';

type RebuildPhase = 'folding' | 'comparing' | 'swapping';

export interface RebuildOptions {
  readonly db: Database;
  readonly projection: Projection;
  readonly clock: Clock;
  readonly pageSize?: number;
  readonly onProgress?: ((progress: BuildProgress & { readonly phase: RebuildPhase }) => void) | undefined;
}

export interface RebuildResult {
  readonly projection: string;
  readonly version: number;
  /** The version that served before; null: none did. */
  readonly from: number | null;
  readonly events: number;
  readonly durationMs: number;
  /** Were the live tables equal to the rebuilt ones? null: not comparable, the version changed. */
  readonly equal: boolean | null;
  readonly difference: Difference | null;
}

const KIND = '__next';
/** At 17 commits a second the first few tries succeed; live tables that fell behind never would. */
const MAX_TRIES = 200;

/**
 * Throws BuildBusy while another process rebuilds the projection, and BuildError when an event cannot be folded; then the
 * live tables stay as they are. The tables that served before stay as `<table>__previous`.
 */
export function rebuild(options: RebuildOptions): Promise<RebuildResult> {
  return alone(options.db, `rebuilding ${options.projection.name}`, () => rebuildAlone(options));
}

async function rebuildAlone(options: RebuildOptions): Promise<RebuildResult> {
  const { db, projection, clock } = options;
  const began = clock.monotonic();
  const from = (await activeVersions(db)).get(projection.name) ?? null;
  let phase: RebuildPhase = 'folding';
  let last: BuildProgress = { done: 0, total: 0, eventsPerSecond: 0, remainingMs: null };
  const enter = (next: RebuildPhase): void => {
    phase = next;
    options.onProgress?.({ ...last, phase });
  };
  const build = await startBuild({
    db,
    projections: [projection],
    kind: KIND,
    clock,
    ...(options.pageSize === undefined ? {} : { pageSize: options.pageSize }),
    onProgress: (progress) => {
      last = progress;
      options.onProgress?.({ ...progress, phase });
    },
  });
  try {
    await build.follow();
    enter('comparing');
    const verdict = from === projection.version ? await compareBuild(db, build, [projection]) : null;
    enter('swapping');
    await db.tx(async (tx) => {
      await lockPartitions(tx, 'all');
      await build.finish(tx);
      await swapScratch(tx, projection, build.suffix);
      await advance(tx, [projection], build.positions);
      await activate(tx, projection, clock.now());
    });
    const outcome = verdict?.get(projection.name);
    return {
      projection: projection.name,
      version: projection.version,
      from,
      events: build.events,
      durationMs: Math.round(clock.monotonic() - began),
      equal: outcome ? outcome.equal : null,
      difference: outcome?.difference ?? null,
    };
  } catch (error) {
    await build.drop().catch(() => undefined);
    throw error;
  }
}

export interface Outcome {
  readonly equal: boolean;
  readonly difference: Difference | null;
}

/**
 * Compares live and built tables in one snapshot in which both stand at the same positions. Building goes on
 * until such a moment is caught: a commit between the last page and the snapshot only costs another try.
 */
export async function compareBuild(db: Database, build: Build, projections: readonly Projection[]): Promise<ReadonlyMap<string, Outcome>> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    await db.tx((tx) => build.finish(tx));
    const outcomes = await db.snapshot(async (snapshot) => {
      const found = new Map<string, Outcome>();
      for (const projection of projections) {
        if (!samePlaces(await checkpointsOf(snapshot, projection), build.positions)) return null;
      }
      for (const projection of projections) {
        const equal = (await checksum(snapshot, projection, liveTable)) === (await checksum(snapshot, projection, build.table));
        const difference = equal ? null : await firstDifference(snapshot, projection, liveTable, build.table);
        found.set(projection.name, { equal, difference });
      }
      return found;
    });
    if (outcomes) return outcomes;
  }
  throw new BuildError('the live tables do not stand where the archive ends: start a node once, so that it takes what is missing');
}

function samePlaces(live: ReadonlyMap<string, number>, built: ReadonlyMap<string, number>): boolean {
  for (const partition of new Set([...live.keys(), ...built.keys()]))
    if ((live.get(partition) ?? 0) !== (built.get(partition) ?? 0)) return false;
  return true;
}
