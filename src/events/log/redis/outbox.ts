/** All that this process must see archived: lanes of its own run and of dead ones, memory bounded, the rest in spool files. */
import { AppError } from '../../../errors.js';
import type { NewEvent } from '../../define.js';
import { partitionOf } from '../port.js';
import { encodeSpoolRecord, type Spool, type SpoolRecord, type SpoolSegment } from '../spool.js';
import { encodeEntry } from './entry.js';
import { type ColdRange, type Held, Lane, type NumberedValues } from './lane.js';
import { createReadBack } from './readBack.js';

/** What an entry costs beside its text. */
const OVERHEAD = 500;
/** Moved to disk in one go. */
const COOL_AT_ONCE = 500;

export interface OutboxDeps {
  readonly partitions: readonly string[];
  readonly src: string;
  readonly spool: Spool;
  readonly ringBytes: number;
  /** A spool file of a dead run has nothing live any more. */
  readonly onDone: (segment: SpoolSegment) => void;
  readonly onSpoolError: (error: unknown) => void;
}

export class Outbox {
  readonly own: ReadonlyMap<string, Lane>;
  readonly #deps: OutboxDeps;
  readonly #adopted: Lane[] = [];
  /** While set, every event goes to disk as it comes. */
  spooling = false;
  #order = 0;
  #hotBytes = 0;
  #hotEvents = 0;
  #coldBytes = 0;
  #coldEvents = 0;
  #cooling = false;
  #spoolFails = false;
  readonly #files = createReadBack();

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
    this.own = new Map(deps.partitions.map((partition) => [partition, new Lane(partition, deps.src, false)]));
  }

  get events(): number {
    return this.#hotEvents + this.#coldEvents;
  }

  get bytes(): number {
    return this.#hotBytes + this.#coldBytes;
  }

  get hotBytes(): number {
    return this.#hotBytes;
  }

  get spoolFails(): boolean {
    return this.#spoolFails;
  }

  /** Lanes that hold something. */
  held(): Lane[] {
    return [...this.own.values(), ...this.#adopted].filter((lane) => !lane.isEmpty);
  }

  /** Numbers the event and keeps it; `told` hears when it is safe. Throws when there is no room or the event is no JSON. */
  add(event: NewEvent, told: NonNullable<Held['settle']>): Lane {
    // Memory may exceed its share by half while its oldest are on their way to the disk.
    if (this.#hotBytes > this.#deps.ringBytes * 1.5) throw new AppError('storage_unavailable', { retryAfterSeconds: 1 });
    const lane = this.own.get(partitionOf(event.partitionkey, this.#deps.partitions.length));
    if (!lane) throw new Error('there are no partitions');
    const n = lane.last + 1;
    const values = encodeEntry(event, n);
    const bytes = OVERHEAD + values[0].length + values[1].length;
    const held: Held = { n, values, bytes, order: this.#order++, segment: null, onDisk: false, settle: told };
    lane.push(held);
    this.#hotBytes += bytes;
    this.#hotEvents += 1;
    if (this.spooling) void this.#spoolOne(lane, held);
    if (this.#hotBytes > this.#deps.ringBytes) this.#cool();
    return lane;
  }

  /** Puts on disk what no store has acknowledged yet. */
  spoolUnsettled(): void {
    for (const lane of this.own.values()) {
      for (const held of lane.hot) if (held.settle !== null && held.segment === null) void this.#spoolOne(lane, held);
    }
  }

  /** While `spooling`: puts on disk everything that is only in memory, a bit at a time; resolves when it is there or could not be written. */
  async spoolRest(): Promise<void> {
    for (const lane of this.own.values()) {
      let writing: Promise<void>[] = [];
      for (const held of lane.hot) {
        if (!this.spooling) return;
        if (held.segment === null) writing.push(this.#spoolOne(lane, held));
        if (writing.length < COOL_AT_ONCE) continue;
        await Promise.all(writing);
        if (this.#spoolFails) return;
        writing = [];
      }
      await Promise.all(writing);
    }
  }

  /** At the end: who still waits is told that nothing has the event. */
  refuseRest(error: unknown): void {
    for (const lane of this.own.values()) for (const held of lane.hot) refuse(held, error);
  }

  /** The stream has everything up to n: who waits for that is told. */
  confirm(lane: Lane, n: number): void {
    for (const held of lane.hot.after(lane.adopted ? 0 : (lane.confirmed ?? 0))) {
      if (held.n > n) break;
      settle(held);
    }
    lane.confirmed = n;
  }

  /** The archive has everything up to n. */
  release(lane: Lane, n: number): void {
    if (n <= lane.archived && lane.oldest !== undefined && lane.oldest > n) return;
    const { cold, hot } = lane.release(n);
    for (const range of cold) {
      this.#coldEvents -= range.count;
      this.#coldBytes -= range.bytes;
      this.#releaseSegment(lane, range.segment, range.count);
    }
    for (const held of hot) {
      this.#hotEvents -= 1;
      this.#hotBytes -= held.bytes;
      settle(held);
      if (held.segment) this.#releaseSegment(lane, held.segment, 1);
      held.segment = null;
    }
    if (lane.adopted && lane.isEmpty) this.#adopted.splice(this.#adopted.indexOf(lane), 1);
  }

  /** Lanes of `src`, own and adopted. */
  lane(partition: string, src: string): Lane | undefined {
    return src === this.#deps.src
      ? this.own.get(partition)
      : this.#adopted.find((lane) => lane.partition === partition && lane.src === src);
  }

  /** Takes over a file of a dead run; its records must be given run by run, oldest file first. */
  adopt(segment: SpoolSegment, records: readonly SpoolRecord[]): void {
    const bytes = segment.bytes / Math.max(1, records.length);
    const byNumber = [...records].sort((a, b) => a.n - b.n);
    for (const { partition, src, n } of byNumber) {
      let lane = this.lane(partition, src);
      if (!lane) {
        lane = new Lane(partition, src, true);
        this.#adopted.push(lane);
      }
      lane.addCold(segment, n, bytes);
      segment.live += 1;
      this.#coldEvents += 1;
      this.#coldBytes += bytes;
    }
  }

  /** Once all files are taken over: each lane's ranges in the order of their numbers. */
  adoptedAll(): void {
    for (const lane of this.#adopted) lane.cold.sort((a, b) => a.from - b.from);
  }

  /** The next unsent entries of a lane, at most so many; reads them back from disk where they are only there. */
  async take(lane: Lane, most: number): Promise<readonly NumberedValues[]> {
    for (let range = lane.coldUnsent(); range; range = lane.coldUnsent()) {
      const found = await this.#files.read(lane, range);
      if (found.length > 0) return found.slice(0, most);
      this.#lose(lane, range);
    }
    const taken: NumberedValues[] = [];
    for (const held of lane.hot.after(lane.sent)) {
      if (taken.length >= most) break;
      taken.push(held);
    }
    return taken;
  }

  /** The disk has lost them: nobody waits for them any more. */
  #lose(lane: Lane, range: ColdRange): void {
    lane.cold.splice(lane.cold.indexOf(range), 1);
    this.#coldEvents -= range.count;
    this.#coldBytes -= range.bytes;
    this.#releaseSegment(lane, range.segment, range.count);
    this.#deps.onSpoolError(new Error(`${range.count} events are missing in ${range.segment.path}`));
  }

  /** What was read back is not needed any more. */
  unload(): void {
    this.#files.unload();
  }

  #releaseSegment(lane: Lane, segment: SpoolSegment, count: number): void {
    if (!lane.adopted) {
      this.#deps.spool.release(segment, count);
      return;
    }
    segment.live -= count;
    if (segment.live <= 0) this.#deps.onDone(segment);
  }

  async #spoolOne(lane: Lane, held: Held): Promise<void> {
    const { spool } = this.#deps;
    try {
      const record = encodeSpoolRecord({ partition: lane.partition, src: lane.src, n: held.n, values: held.values });
      const { segment, written } = spool.write(record);
      held.segment = segment;
      await written.catch((error: unknown) => {
        if (held.segment) spool.release(segment);
        held.segment = null;
        throw error;
      });
      held.onDisk = true;
      this.#spoolFails = false;
      settle(held);
    } catch (error) {
      if (!this.#spoolFails) this.#deps.onSpoolError(error);
      this.#spoolFails = true;
      if (this.spooling) refuse(held, error);
    }
  }

  /** Moves the oldest from memory to disk until memory has some room again. */
  #cool(): void {
    if (this.#cooling) return;
    this.#cooling = true;
    const enough = this.#deps.ringBytes * 0.9;
    const work = async (): Promise<void> => {
      while (this.#hotBytes > enough) {
        const lane = this.#oldestLane();
        if (!lane || !(await this.#coolSome(lane, enough))) return;
      }
    };
    void work().finally(() => {
      this.#cooling = false;
    });
  }

  #oldestLane(): Lane | undefined {
    let found: Lane | undefined;
    for (const lane of this.own.values()) {
      const first = lane.hot.first();
      if (first && first.order < (found?.hot.first()?.order ?? Number.POSITIVE_INFINITY)) found = lane;
    }
    return found;
  }

  /** Answers whether any could be moved. */
  async #coolSome(lane: Lane, enough: number): Promise<boolean> {
    const writing: Promise<void>[] = [];
    // A disk that takes nothing is asked with one entry, not with all.
    const most = this.#spoolFails ? 1 : COOL_AT_ONCE;
    let looked = 0;
    for (const held of lane.hot) {
      if (looked++ >= most) break;
      if (held.segment === null) writing.push(this.#spoolOne(lane, held));
    }
    await Promise.all(writing);
    let moved = false;
    for (let held = lane.hot.first(); held?.segment && held.onDisk && looked-- > 0 && this.#hotBytes > enough; held = lane.hot.first()) {
      lane.cool(held, held.segment, held.bytes);
      this.#hotBytes -= held.bytes;
      this.#hotEvents -= 1;
      this.#coldBytes += held.bytes;
      this.#coldEvents += 1;
      settle(held);
      moved = true;
    }
    return moved;
  }
}

function settle(held: Held): void {
  held.settle?.resolve();
  held.settle = null;
}

/** The event stays held and may be archived yet; its id keeps it single if the caller tells of it again. */
function refuse(held: Held, cause: unknown): void {
  held.settle?.reject(new AppError('storage_unavailable', { retryAfterSeconds: 1, cause }));
  held.settle = null;
}
