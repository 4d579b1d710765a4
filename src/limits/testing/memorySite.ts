/** A single node in memory that may be killed: what it had written to disk is all that the next run finds. */
import { createMemoryLimits } from '../memory.js';
import type { OpenRecords } from '../openRecords.js';
import type { LimitSettings, Limits, OpenRecord } from '../port.js';
import type { Site } from './context.js';
import { risingRandom, type TestClock } from './fixtures.js';

export function memorySite(clock: TestClock, settings: LimitSettings): Site {
  const disk = new Map<string, OpenRecord>();
  const start = (inForce: LimitSettings): Limits =>
    createMemoryLimits({ clock, random: risingRandom(), openRecords: recordsOn(disk), settings: inForce });
  let limits = start(settings);
  return {
    nodes: () => [limits],
    async advance(ms) {
      clock.advance(ms);
    },
    async kill(_node, inForce) {
      limits = start(inForce);
      return { how: 'restarted', diedAt: clock.monotonic() };
    },
    close: () => limits.close(),
  };
}

/** The same as the file does, without one. */
function recordsOn(disk: Map<string, OpenRecord>): OpenRecords {
  const found = [...disk.keys()];
  return {
    async begin(record) {
      disk.delete(record.requestId);
      disk.set(record.requestId, record);
    },
    async end(requestId) {
      disk.delete(requestId);
    },
    abandoned: () => found.flatMap((requestId) => disk.get(requestId) ?? []),
    close: () => Promise.resolve(),
  };
}
