/** What the log in Redis does by itself: follows the archive's progress, tells it on, trims, and forgets producers long gone. */
import type { Logger } from 'pino';
import type { RedisConnection } from '../../../infra/redis/connection.js';
import type { Clock } from '../../../shared/clock.js';
import type { Watermark } from '../port.js';
import type { LogScripts } from './calls.js';
import { trimControl } from './control.js';
import { archivedKey, producersKey } from './keys.js';
import type { Lane } from './lane.js';
import type { Outbox } from './outbox.js';
import type { Sender } from './sender.js';
import type { StoredProgress } from './storedProgress.js';
import type { Trimmer } from './trim.js';
import { createWatermarks, type Watermarks } from './watermarks.js';

const TICK_MS = 1_000;
const TRIM_MS = 5_000;
const FORGET_MS = 3_600_000;
/** As long as the archive remembers producers. */
const FORGET_DAYS = 30;
/** A lane's oldest entry has been there for so long: perhaps the publisher of its watermark died, so the database is asked. */
const STALE_MS = 3_000;

export interface UpkeepDeps {
  readonly redis: RedisConnection;
  readonly scripts: LogScripts;
  readonly partitions: readonly string[];
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly trimmer: Trimmer;
  readonly stored: StoredProgress;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  readonly retentionMs: number;
}

export class Upkeep {
  readonly #deps: UpkeepDeps;
  readonly #watermarks: Watermarks;
  readonly #trimmedAt = new Map<string, number>();
  #forgotAt: number;
  /** What each lane has been waiting for longest, and since when. */
  #waiting = new Map<Lane, { readonly oldest: number | undefined; readonly since: number }>();
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  constructor(deps: UpkeepDeps) {
    this.#deps = deps;
    this.#forgotAt = deps.clock.monotonic();
    this.#watermarks = createWatermarks({
      redis: deps.redis,
      scripts: deps.scripts,
      onError: (error) => deps.logger?.debug({ err: error }, 'the archive could not be published in Redis; later'),
    });
  }

  start(): void {
    this.#timer = setInterval(() => void this.#everySecond(), TICK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async archived(watermarks: readonly Watermark[]): Promise<void> {
    this.#release(watermarks);
    await this.#watermarks.publish(watermarks);
    await this.#trim(watermarks.map(({ partition }) => partition));
  }

  /** A watermark in Redis may be lost with Redis, or with the node that was to publish it. Never rejects. */
  async askDatabase(): Promise<void> {
    const watermarks = await this.#deps.stored.read();
    this.#release(watermarks);
    // The cursors are the publishers' to tell.
    await this.#watermarks.publish(watermarks.map((watermark) => ({ ...watermark, cursor: '' })));
  }

  #release(watermarks: readonly Watermark[]): void {
    const { outbox, sender } = this.#deps;
    for (const { partition, cursor, producers } of watermarks) {
      sender.raiseFloor(partition, cursor);
      for (const [src, n] of producers) {
        const lane = outbox.lane(partition, src);
        if (!lane) continue;
        outbox.release(lane, n);
        sender.settleRecovery(lane);
      }
    }
  }

  async #everySecond(): Promise<void> {
    const { redis, outbox, sender, trimmer, clock, logger } = this.#deps;
    if (this.#busy || !redis.isReady()) return;
    this.#busy = true;
    try {
      const now = clock.monotonic();
      if (outbox.events > 0) sender.ask();
      if (this.#isStale(now)) await this.askDatabase();
      await this.#watermarks.retry();
      if (outbox.events > 0) await trimmer.measure();
      await this.#trim(this.#deps.partitions.filter((partition) => this.#watermarks.cursorOf(partition) !== undefined));
      if (now - this.#forgotAt > FORGET_MS) await this.#forget(now);
    } catch (error) {
      logger?.debug({ err: error }, 'the upkeep of the event log failed; again in a second');
    } finally {
      this.#busy = false;
    }
  }

  #isStale(now: number): boolean {
    const before = this.#waiting;
    this.#waiting = new Map(
      this.#deps.outbox.held().map((lane) => {
        const known = before.get(lane);
        return [lane, known && known.oldest === lane.oldest ? known : { oldest: lane.oldest, since: now }];
      }),
    );
    const stale = [...this.#waiting.values()].some(({ since }) => now - since > STALE_MS);
    if (stale) this.#waiting.clear();
    return stale;
  }

  async #trim(partitions: readonly string[]): Promise<void> {
    const { clock, retentionMs, logger, trimmer } = this.#deps;
    const now = clock.monotonic();
    const due = partitions.filter((partition) => retentionMs === 0 || now - (this.#trimmedAt.get(partition) ?? 0) >= TRIM_MS);
    try {
      for (const partition of due) {
        this.#trimmedAt.set(partition, now);
        await trimmer.measure();
        await trimmer.trim(partition, this.#watermarks.cursorOf(partition) ?? '');
      }
    } catch (error) {
      logger?.debug({ err: error }, 'the event streams could not be trimmed; later');
    }
  }

  async #forget(now: number): Promise<void> {
    const { redis, scripts, partitions, clock, retentionMs } = this.#deps;
    this.#forgotAt = now;
    for (const partition of partitions) {
      await redis.run(scripts.forgetProducers, [producersKey(partition), archivedKey(partition)], [FORGET_DAYS]);
    }
    await trimControl(redis, clock.now() - retentionMs);
  }
}
