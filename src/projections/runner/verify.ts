/** Proves that the read models are what the archive says: each compared with a fresh fold, and the archive's own hash chain. */
import { type PartitionVerdict, verifyArchive } from '../../events/archive.js';
import type { Database } from '../../infra/database/port.js';
import type { Clock } from '../../shared/clock.js';
import type { Projection } from '../define.js';
import { projections as registry } from '../index.js';
import { alone } from './alone.js';
import { type BuildProgress, startBuild } from './build.js';
import type { Difference } from './checksum.js';
import { compareBuild } from './rebuild.js';

export interface VerifyResult {
  readonly ok: boolean;
  readonly projections: readonly {
    readonly name: string;
    readonly version: number;
    readonly equal: boolean;
    /** The first row that differs. */
    readonly difference: Difference | null;
  }[];
  readonly archive: readonly PartitionVerdict[];
  readonly events: number;
}

const KIND = '__verify';

interface VerifyOptions {
  readonly db: Database;
  readonly clock: Clock;
  /** Default: all. */
  readonly projections?: readonly Projection[];
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
}

/** Changes nothing that is live. Throws BuildBusy while another process verifies, and BuildError when an event cannot be folded. */
export function verifyProjections(options: VerifyOptions): Promise<VerifyResult> {
  return alone(options.db, 'verifying', () => verify(options));
}

async function verify(options: VerifyOptions): Promise<VerifyResult> {
  const { db, clock, projections = registry } = options;
  const archive = await verifyArchive(db);
  const build = await startBuild({ db, projections, kind: KIND, clock, onProgress: options.onProgress });
  try {
    await build.follow();
    const outcomes = await compareBuild(db, build, projections);
    const verdicts = projections.map(({ name, version }) => {
      const outcome = outcomes.get(name);
      return { name, version, equal: outcome?.equal ?? false, difference: outcome?.difference ?? null };
    });
    return {
      ok: verdicts.every(({ equal }) => equal) && archive.every(({ ok }) => ok),
      projections: verdicts,
      archive,
      events: build.events,
    };
  } finally {
    await build.drop();
  }
}
