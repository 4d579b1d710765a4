/** Reads the streams in order with one blocking command over all partitions, and finds its way when Redis lost or rewrote a tail. */
import type { Logger } from 'pino';
import type { RedisConnection, RedisReply } from '../../../infra/redis/connection.js';
import type { Clock } from '../../../shared/clock.js';
import { CONTROL_PARTITION } from '../../define.js';
import type { LogEntry, ReadOptions } from '../port.js';
import { isOutage } from './calls.js';
import { parseEntry, UnreadableEntry, unreadableEntry } from './entry.js';
import { createGaps, type Gaps } from './gaps.js';
import { compareIds, START, streamKey } from './keys.js';
import { createPlaces, lastIdOf, type Places } from './places.js';

/** Longest time that one command blocks; between two the streams are looked at. */
const BLOCK_MS = 1_000;
const CHECK_MS = 1_000;
/** Lingering looks again after so long. */
const LINGER_STEP_MS = 50;
/** Pause while Redis is out of reach. */
const OUTAGE_MS = 250;
/** Unreadable entries remembered; with more, all are forgotten. */
const MOST_UNREADABLE = 1_000;

export interface ReaderDeps {
  /** Blocks while it waits. */
  readonly redis: RedisConnection;
  /** For those who only look: they wait for nobody. */
  readonly looking: RedisConnection;
  readonly partitions: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  /** Whether the archive has this of a producer; true where that is not known. */
  readonly isArchived: (partition: string, src: string, n: number) => Promise<boolean>;
  /** A stream is shorter than the archive, or has a hole: who holds entries of it looks whether they are there. */
  readonly onLost: (partition: string) => void;
  /** Entries are missing, and in no stream. */
  readonly onGone: (partition: string) => void;
  /** Something new in the control stream. */
  readonly onControl?: () => void;
  /** Once for each entry. */
  readonly onUnreadable?: (entry: LogEntry, reason: string) => void;
}

export class Reader {
  readonly #deps: ReaderDeps;
  readonly #places: Places;
  readonly #gaps: Gaps;
  /** By partition, `control` for the bell: a look at other partitions does not put off one's own. */
  readonly #checkedAt = new Map<string, number>();
  /** How far the control stream was seen; null: not yet looked. */
  #control: string | null = null;
  /** Unreadable entries that were told of. */
  readonly #unreadable = new Set<string>();
  #closed = false;
  readonly #sleepers = new Set<() => void>();

  constructor(deps: ReaderDeps) {
    this.#deps = deps;
    this.#places = createPlaces(deps);
    this.#gaps = createGaps({
      isArchived: deps.isArchived,
      logger: deps.logger,
      onHole: (partition) => deps.onLost(partition),
      onGone: deps.onGone,
    });
  }

  async read(after: ReadonlyMap<string, string>, options: ReadOptions): Promise<LogEntry[]> {
    const { clock } = this.#deps;
    const partitions = options.partitions ?? this.#deps.partitions;
    const end = clock.monotonic() + options.waitMs;
    try {
      const entries = await this.#first(after, partitions, options, end);
      if (entries.length > 0) await this.#linger(entries, after, partitions, options);
      return entries;
    } catch (error) {
      this.#checkedAt.clear();
      if (this.#closed) return [];
      if (!isOutage(error)) throw error;
      await this.#sleep(Math.max(0, Math.min(OUTAGE_MS, end - clock.monotonic())));
      return [];
    }
  }

  close(): void {
    this.#closed = true;
    for (const wake of this.#sleepers) wake();
    this.#deps.redis.drop();
  }

  /** Waits for the first entries. */
  async #first(
    after: ReadonlyMap<string, string>,
    partitions: readonly string[],
    { limit, peek = false }: ReadOptions,
    end: number,
  ): Promise<LogEntry[]> {
    const { clock } = this.#deps;
    while (!this.#closed) {
      if (!peek) await this.#check(after, partitions);
      const places = this.#placesOf(after, partitions, peek);
      const left = Math.ceil(end - clock.monotonic());
      const entries = await this.#fetch(places, after, limit, { blockMs: Math.min(BLOCK_MS, left), peek });
      if (entries.length > 0 || clock.monotonic() >= end) return entries;
    }
    return [];
  }

  async #linger(
    entries: LogEntry[],
    after: ReadonlyMap<string, string>,
    partitions: readonly string[],
    options: ReadOptions,
  ): Promise<void> {
    const { clock } = this.#deps;
    const end = clock.monotonic() + options.lingerMs;
    const enough = Math.min(options.limit, options.enough ?? options.limit);
    for (let left = options.lingerMs; left > 0 && entries.length < enough && !this.#closed; left = end - clock.monotonic()) {
      await this.#sleep(Math.min(left, LINGER_STEP_MS));
      const places = this.#placesOf(after, partitions, options.peek ?? false);
      const goOn = new Map<string, string | null>(after);
      for (const { partition, cursor } of entries) {
        places.set(partition, cursor);
        goOn.set(partition, null);
      }
      for (const entry of await this.#fetch(places, goOn, options.limit - entries.length, { blockMs: 0, peek: options.peek ?? false }))
        entries.push(entry);
    }
  }

  #placesOf(after: ReadonlyMap<string, string>, partitions: readonly string[], peek: boolean): Map<string, string> {
    return new Map(partitions.map((partition) => [partition, this.#places.from(partition, after.get(partition), peek)]));
  }

  /** Looks once a second whether the streams still reach as far as they were read. */
  async #check(after: ReadonlyMap<string, string>, partitions: readonly string[]): Promise<void> {
    const now = this.#deps.clock.monotonic();
    const isDue = (partition: string): boolean => now - (this.#checkedAt.get(partition) ?? Number.NEGATIVE_INFINITY) >= CHECK_MS;
    const due = partitions.filter(isDue);
    await this.#places.check(after, due);
    for (const partition of due) this.#checkedAt.set(partition, now);
    if (this.#deps.onControl && isDue(CONTROL_PARTITION)) {
      const last = await lastIdOf(this.#deps.redis, CONTROL_PARTITION);
      if (this.#control !== null && compareIds(last, this.#control) !== 0) this.#deps.onControl();
      this.#control = last;
      this.#checkedAt.set(CONTROL_PARTITION, now);
    }
  }

  /**
   * What is there at once, or comes within `blockMs`; fairly shared between the partitions. `after`: the caller's
   * cursors, null where it has been given entries behind them already.
   */
  async #fetch(
    from: ReadonlyMap<string, string>,
    after: ReadonlyMap<string, string | null>,
    limit: number,
    { blockMs, peek }: { readonly blockMs: number; readonly peek: boolean },
  ): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    const given = new Set<string>();
    let asked = new Map(from);
    let block = blockMs;
    while (entries.length < limit && !this.#closed) {
      const share = Math.ceil((limit - entries.length) / Math.max(1, asked.size));
      const found = await this.#xread(asked, share, peek ? 0 : block, peek ? this.#deps.looking : this.#deps.redis);
      const more = new Map<string, string>();
      for (const [partition, list] of found) {
        const room = limit - entries.length;
        const place = { partition, from: asked.get(partition) ?? START, after: given.has(partition) ? null : after.get(partition) };
        const some = list.slice(0, room);
        const whole = peek ? some : await this.#gaps.upToGap(place, some, this.#places);
        for (const entry of whole) entries.push(entry);
        given.add(partition);
        const last = whole.at(-1);
        if (last && list.length >= share && whole.length === list.length) more.set(partition, last.cursor);
      }
      if (more.size === 0) break;
      asked = more;
      block = 0;
    }
    return entries;
  }

  async #xread(from: ReadonlyMap<string, string>, count: number, blockMs: number, redis: RedisConnection): Promise<[string, LogEntry[]][]> {
    const bell = this.#deps.onControl !== undefined && this.#control !== null && blockMs > 0;
    const names = [...from.keys(), ...(bell ? [CONTROL_PARTITION] : [])];
    if (names.length === 0) {
      await this.#sleep(blockMs);
      return [];
    }
    const ids = [...from.values(), ...(bell ? [this.#control ?? START] : [])];
    const blocking = blockMs > 0 ? ['BLOCK', blockMs] : [];
    const reply = await redis.command('XREAD', 'COUNT', count, ...blocking, 'STREAMS', ...names.map(streamKey), ...ids);
    return this.#parse(reply);
  }

  #parse(reply: RedisReply): [string, LogEntry[]][] {
    const found: [string, LogEntry[]][] = [];
    for (const [key, list] of (reply ?? []) as unknown as [string, [string, RedisReply][]][]) {
      const partition = /\{(.*)\}/.exec(key)?.[1] ?? '';
      if (partition === CONTROL_PARTITION) {
        this.#control = list.at(-1)?.[0] ?? this.#control;
        this.#deps.onControl?.();
      } else found.push([partition, list.map(([cursor, fields]) => this.#entry(partition, cursor, fields))]);
    }
    return found;
  }

  #entry(partition: string, cursor: string, fields: RedisReply): LogEntry {
    try {
      return parseEntry(partition, cursor, fields);
    } catch (error) {
      if (!(error instanceof UnreadableEntry)) throw error;
      const entry = unreadableEntry(partition, cursor, fields, error.message);
      this.#tellOnce(entry, error.message);
      return entry;
    }
  }

  /** It may be read again, by those who only look and after a failed commit. */
  #tellOnce(entry: LogEntry, reason: string): void {
    const place = `${entry.partition} ${entry.cursor}`;
    if (this.#unreadable.has(place)) return;
    if (this.#unreadable.size >= MOST_UNREADABLE) this.#unreadable.clear();
    this.#unreadable.add(place);
    this.#deps.onUnreadable?.(entry, reason);
  }

  #sleep(ms: number): Promise<void> {
    if (ms <= 0 || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#sleepers.add(wake);
    });
  }
}
