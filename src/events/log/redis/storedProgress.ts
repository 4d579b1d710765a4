/** What the database says that the archive has: asked when Redis does not say, never relied on to answer. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Watermark } from '../port.js';

const LONGEST_MS = 2_000;

export interface StoredProgress {
  /** Never rejects: none when the database does not answer in time. */
  read(): Promise<readonly Watermark[]>;
  /** Whether the archive has this of a producer, or may have it for all we know. */
  has(partition: string, src: string, n: number): Promise<boolean>;
}

export function createStoredProgress(ask: (() => Promise<readonly Watermark[]>) | undefined, logger: Logger | undefined): StoredProgress {
  /** What was archived stays archived. */
  let known = new Map<string, number>();

  const read = async (): Promise<readonly Watermark[] | null> => {
    if (!ask) return null;
    try {
      const watermarks = await Promise.race([ask(), wait(LONGEST_MS, null, { ref: false })]);
      if (watermarks === null) return null;
      known = new Map(watermarks.flatMap(({ partition, producers }) => [...producers].map(([src, n]) => [`${partition} ${src}`, n])));
      return watermarks;
    } catch (error) {
      logger?.debug({ err: error }, 'the database could not tell what is archived');
      return null;
    }
  };
  const knows = (partition: string, src: string, n: number): boolean => (known.get(`${partition} ${src}`) ?? 0) >= n;

  return {
    read: async () => (await read()) ?? [],
    async has(partition, src, n) {
      if (knows(partition, src, n)) return true;
      return (await read()) === null || knows(partition, src, n);
    },
  };
}
