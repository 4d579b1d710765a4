/** The traffic event log: producers append, ingest reads in order per partition, the archive's progress releases. */
import type { NewEvent } from '../define.js';

/** One entry of the log. `src` and `n` name it for good: the producer run and its counter in that partition. */
export interface LogEntry {
  readonly partition: string;
  /** Place in the log, meaningful to the adapter only. */
  readonly cursor: string;
  readonly src: string;
  readonly n: number;
  readonly event: NewEvent;
  /** The event's data as JSON in one line, where the log has it as that: nobody needs to render it again. */
  readonly json?: string;
}

/** How far the archive is in one partition. */
export interface Watermark {
  readonly partition: string;
  readonly cursor: string;
  /** The highest archived counter of each producer run that the last batch held. */
  readonly producers: ReadonlyMap<string, number>;
}

export interface LogBacklog {
  /** Appended and not yet archived. */
  readonly events: number;
  readonly bytes: number;
}

export interface ReadOptions {
  /** Most entries of one answer. */
  readonly limit: number;
  /** Longest wait for the first entry, ms. */
  readonly waitMs: number;
  /** How long to wait for more once there is one, ms. */
  readonly lingerMs: number;
  /** So many end the lingering. Default `limit`. */
  readonly enough?: number;
  /** Only entries of these partitions; default all. */
  readonly partitions?: readonly string[];
  /** Only looks what is there, beside the one who archives: a hole in the log is no reason to search. */
  readonly peek?: boolean;
}

export interface EventLog {
  readonly partitions: readonly string[];
  /** Resolves when the entry survives the death of this process. Order of calls is kept per partition key. */
  append(event: NewEvent): Promise<void>;
  /**
   * The next entries after the given cursors (absent: from the first one held), at most `limit` over all
   * partitions, in log order within each. Waits up to `waitMs` for the first; then lingers `lingerMs`
   * unless `enough` are there. May answer with none.
   */
  read(after: ReadonlyMap<string, string>, options: ReadOptions): Promise<LogEntry[]>;
  /** Lets the log forget what the archive has. */
  archived(watermarks: readonly Watermark[]): Promise<void>;
  backlog(): LogBacklog;
  /** Ends waiting reads, flushes, releases files. What is not archived stays for the next run. */
  close(): Promise<void>;
}

/** Stable partition of a key: FNV-1a over its UTF-8 bytes, modulo the number of partitions. */
export function partitionOf(key: string, count: number): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key, 'utf8')) {
    hash ^= byte;
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return `p${hash % count}`;
}
