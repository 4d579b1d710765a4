/** What one producer run holds for one partition until the archive has it: the oldest perhaps only in spool files, the rest in memory. */
import { Ring } from '../ring.js';
import type { SpoolSegment } from '../spool.js';
import type { EntryValues } from './entry.js';

export interface NumberedValues {
  readonly n: number;
  readonly values: EntryValues;
}

/** An entry in memory. */
export interface Held extends NumberedValues {
  /** What it costs in memory, about. */
  readonly bytes: number;
  /** Place among all entries of this process. */
  readonly order: number;
  /** Where it stands on disk as well, or is being written to. */
  segment: SpoolSegment | null;
  onDisk: boolean;
  /** Tells the appender that its event is safe, or not; null once told. */
  settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null;
}

/** Entries that are only on disk. */
export interface ColdRange {
  readonly segment: SpoolSegment;
  readonly from: number;
  /** No number between is missing, so ranges never overlap. */
  to: number;
  count: number;
  bytes: number;
}

/** Something of this lane had to be appended again, until `upTo` is back in the stream. */
export interface Recovery {
  readonly reason: 'empty' | 'rolled_back' | 'reconnected';
  readonly upTo: number;
  readonly reappended: number;
}

/** Ranges stay short, so that what is released is known closely. */
const LONGEST_RANGE = 500;

export class Lane {
  readonly cold: ColdRange[] = [];
  readonly hot = new Ring<Held>();
  /** The highest n given out. */
  last = 0;
  /** Sending goes on behind this n. */
  sent = 0;
  /** What the stream said to have at last; null: it was never asked. */
  confirmed: number | null = 0;
  /** The highest n that the archive is known to have. */
  archived = 0;
  recovery: Recovery | null = null;

  constructor(
    readonly partition: string,
    readonly src: string,
    /** Of a dead run, found in its spool files: nothing is added any more. */
    readonly adopted: boolean,
  ) {
    if (adopted) this.confirmed = null;
  }

  /** The lowest n held; undefined when nothing is. */
  get oldest(): number | undefined {
    return this.cold[0]?.from ?? this.hot.first()?.n;
  }

  get isEmpty(): boolean {
    return this.oldest === undefined;
  }

  get hasUnsent(): boolean {
    return this.last > this.sent && !this.isEmpty;
  }

  /** What must be in the stream before the next entry may follow: nothing, where the archive has all before. */
  get before(): number {
    const { oldest } = this;
    return oldest !== undefined && oldest <= this.sent ? this.sent : 0;
  }

  push(held: Held): void {
    this.hot.push(held);
    this.last = held.n;
  }

  /** The first cold range with something unsent. */
  coldUnsent(): ColdRange | undefined {
    return this.cold.find(({ to }) => to > this.sent);
  }

  /** How many entries with n above `from` and up to `to` are held; of ranges only whole ones are counted. */
  countBetween(from: number, to: number): number {
    const cold = this.cold.reduce((sum, range) => (range.to > from && range.from <= to ? sum + range.count : sum), 0);
    return cold + Math.max(0, this.hot.countAfter(from) - this.hot.countAfter(to));
  }

  /** The oldest entry in memory leaves it; it is on disk. */
  cool(held: Held, segment: SpoolSegment, bytes: number): void {
    this.hot.shift();
    this.addCold(segment, held.n, bytes);
  }

  addCold(segment: SpoolSegment, n: number, bytes: number): void {
    const range = this.cold.at(-1);
    if (range && range.segment === segment && range.count < LONGEST_RANGE && n === range.to + 1) {
      range.to = n;
      range.count += 1;
      range.bytes += bytes;
    } else this.cold.push({ segment, from: n, to: n, count: 1, bytes });
    this.last = Math.max(this.last, n);
  }

  /** Takes out what the archive has. */
  release(n: number): { readonly cold: readonly ColdRange[]; readonly hot: readonly Held[] } {
    this.archived = Math.max(this.archived, n);
    const cold: ColdRange[] = [];
    const hot: Held[] = [];
    for (let range = this.cold[0]; range && range.to <= this.archived; range = this.cold[0]) {
      cold.push(range);
      this.cold.shift();
    }
    // Memory is newer than any file: it goes only when nothing is left there.
    for (let held = this.hot.first(); this.cold.length === 0 && held && held.n <= this.archived; held = this.hot.first()) {
      hot.push(held);
      this.hot.shift();
    }
    return { cold, hot };
  }
}
