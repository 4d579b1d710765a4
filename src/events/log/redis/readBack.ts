/** Reads entries back that are only on disk; keeps the last file read, since they are asked for in order. */
import { readSpoolFile, type SpoolRecord } from '../spool.js';
import type { ColdRange, Lane, NumberedValues } from './lane.js';

export interface ReadBack {
  /** The unsent entries of a lane in that range, as far as the disk still has them. */
  read(lane: Lane, range: ColdRange): Promise<readonly NumberedValues[]>;
  /** What was read is not needed any more. */
  unload(): void;
}

export function createReadBack(): ReadBack {
  let loaded: { readonly path: string; readonly records: readonly SpoolRecord[] } | null = null;
  return {
    async read(lane, { segment, from, to }) {
      const wanted = (records: readonly SpoolRecord[]): SpoolRecord[] =>
        records
          .filter(({ partition, src, n }) => partition === lane.partition && src === lane.src && n > lane.sent && n >= from && n <= to)
          .sort((a, b) => a.n - b.n);
      const found = loaded?.path === segment.path ? wanted(loaded.records) : [];
      if (found.at(-1)?.n === to) return found;
      // The file may have grown since it was read.
      const { records } = await readSpoolFile(segment.path).catch(absent);
      loaded = { path: segment.path, records };
      return wanted(records);
    },
    unload() {
      loaded = null;
    },
  };
}

function absent(error: unknown): { readonly records: readonly SpoolRecord[] } {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { records: [] };
  throw error;
}
