/** Sets a test's Redis back to an earlier moment while its clients stay connected, as a failover to a late replica does. */
import { Redis } from 'ioredis';

export interface TestSnapshots {
  /** Remembers all keys as they are. */
  take(): Promise<void>;
  /** Everything since `take` is gone, in one step. */
  goBack(): Promise<void>;
  empty(): Promise<void>;
  close(): void;
}

export function createTestSnapshots(port: number): TestSnapshots {
  const redis = new Redis(port, '127.0.0.1');
  let kept: readonly (readonly [string, Buffer])[] = [];
  return {
    async take() {
      const keys = await redis.keys('*');
      const dumps = await redis.multi(keys.map((key) => ['dumpBuffer', key])).exec();
      kept = keys.map((key, index) => [key, dumps?.[index]?.[1] as Buffer] as const);
    },
    async goBack() {
      const back = redis.multi().flushall();
      for (const [key, dump] of kept) back.restore(key, 0, dump);
      await back.exec();
    },
    async empty() {
      await redis.flushall();
    },
    close: () => redis.disconnect(),
  };
}
