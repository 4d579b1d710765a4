/** The event log of a single node: in memory, bounded, and with a journal on disk so that an acknowledged event outlives the process. */
import type { Logger } from 'pino';
import { AppError } from '../../errors.js';
import type { Clock } from '../../shared/clock.js';
import type { Ids } from '../../shared/ids.js';
import type { NewEvent } from '../define.js';
import { earliest } from './earliest.js';
import { eventOf, type HeldEvent, holdEvent } from './held.js';
import { encodeRecord, type Journal, openJournal, type Segment } from './journal.js';
import { type EventLog, type LogBacklog, type LogEntry, partitionOf, type ReadOptions, type Watermark } from './port.js';
import { Ring } from './ring.js';

export interface MemoryLogOptions {
  readonly partitions: number;
  /** Folder of the journal, for one process at a time; null: events end with the process. */
  readonly dir: string | null;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** `append` waits while this many events are not archived. Default 400,000. */
  readonly maxEvents?: number;
  /** `append` waits while events of this size are not archived. Default 512 MiB. */
  readonly maxBytes?: number;
  /** A journal file larger than this is followed by the next one. Default 4 MiB. */
  readonly segmentBytes?: number;
}

/** Throws when the journal of an earlier run cannot be read. */
export async function openMemoryLog(options: MemoryLogOptions): Promise<EventLog> {
  const src = options.ids.uuid();
  const journal =
    options.dir === null
      ? null
      : await openJournal({
          dir: options.dir,
          src,
          segmentBytes: options.segmentBytes ?? 4 * 1024 * 1024,
          idleBytes: 64 * 1024,
          onError: (error, what) => options.logger?.warn({ err: error }, what),
        });
  return new MemoryLog(options, src, journal);
}

interface Held extends HeldEvent {
  readonly partition: string;
  readonly src: string;
  readonly n: number;
  readonly seq: number;
  /** Place among all partitions. */
  readonly order: number;
  readonly bytes: number;
  segment: Segment | null;
  /** Tells the appender that its event is safe; not yet when the journal failed: then the archive has to say so. */
  acknowledge: (() => void) | null;
  refuse: ((error: unknown) => void) | null;
}

interface Appender {
  readonly event: NewEvent;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Reader {
  /** Entries still missing before it is woken. */
  missing: number;
  readonly wake: () => void;
}

/** What an entry costs beside its JSON. */
const OVERHEAD = 300;

class MemoryLog implements EventLog {
  readonly partitions: readonly string[];
  readonly #src: string;
  readonly #journal: Journal | null;
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  readonly #rings: ReadonlyMap<string, Ring<Held>>;
  readonly #counters = new Map<string, number>();
  readonly #readers = new Set<Reader>();
  readonly #blocked: Appender[] = [];
  #order = 0;
  #events = 0;
  #bytes = 0;
  #journalFails = false;
  /** When appends began to wait (monotonic ms). */
  #fullSince: number | null = null;
  #closing: Promise<void> | undefined;

  constructor(options: MemoryLogOptions, src: string, journal: Journal | null) {
    this.partitions = Array.from({ length: options.partitions }, (_, index) => `p${index}`);
    this.#src = src;
    this.#journal = journal;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#maxEvents = options.maxEvents ?? 400_000;
    this.#maxBytes = options.maxBytes ?? 512 * 1024 * 1024;
    this.#rings = new Map(this.partitions.map((partition) => [partition, new Ring<Held>()]));
    for (const { record, bytes, segment } of journal?.takeLeftovers() ?? []) {
      const known = this.#rings.has(record.partition) ? record.partition : partitionOf(record.event.partitionkey, options.partitions);
      this.#hold(known, record, holdEvent(record.event), bytes, segment);
    }
    if (this.#events > 0) this.#logger?.info({ events: this.#events }, 'events of an earlier run wait in the journal');
  }

  append(event: NewEvent): Promise<void> {
    if (this.#closing) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const appender = { event, resolve, reject };
      if (this.#blocked.length === 0 && !this.#isFull()) this.#accept(appender);
      else this.#block(appender);
    });
  }

  async read(after: ReadonlyMap<string, string>, options: ReadOptions): Promise<LogEntry[]> {
    const from = new Map((options.partitions ?? this.partitions).map((partition) => [partition, this.#seqOf(after.get(partition))]));
    const available = (): number => {
      let count = 0;
      for (const [partition, seq] of from) count += this.#rings.get(partition)?.countAfter(seq) ?? 0;
      return count;
    };
    if (available() === 0) await this.#wait(1, options.waitMs);
    const ready = available();
    const enough = Math.min(options.limit, options.enough ?? options.limit);
    if (ready > 0 && ready < enough) await this.#wait(enough - ready, options.lingerMs);
    return this.#take(from, options.limit);
  }

  async archived(watermarks: readonly Watermark[]): Promise<void> {
    for (const { partition, cursor, producers } of watermarks) {
      const ring = this.#rings.get(partition);
      const upTo = this.#seqOf(cursor);
      for (let first = ring?.first(); ring && first; first = ring.first()) {
        if (first.seq > upTo && first.n > (producers.get(first.src) ?? 0)) break;
        ring.shift();
        this.#forget(first);
      }
    }
    this.#unblock();
  }

  backlog(): LogBacklog {
    return { events: this.#events, bytes: this.#bytes };
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      for (const { reject } of this.#blocked.splice(0)) reject(closedError());
      for (const reader of this.#readers) reader.wake();
      await this.#journal?.close();
      for (const ring of this.#rings.values()) for (const held of ring) held.refuse?.(closedError());
    })();
    return this.#closing;
  }

  #accept({ event, resolve, reject }: Appender): void {
    try {
      const partition = partitionOf(event.partitionkey, this.partitions.length);
      const n = (this.#counters.get(partition) ?? 0) + 1;
      const rendered = holdEvent(event);
      const record = encodeRecord(partition, n, rendered);
      const journalled = this.#journal?.write(record);
      this.#counters.set(partition, n);
      const held = this.#hold(partition, { src: this.#src, n }, rendered, record.length, journalled?.segment ?? null);
      if (!journalled) {
        resolve();
        return;
      }
      held.acknowledge = resolve;
      held.refuse = reject;
      journalled.written.then(
        () => this.#journalled(held),
        (error: unknown) => this.#notJournalled(held, error),
      );
    } catch (error) {
      reject(error);
    }
  }

  #hold(
    partition: string,
    { src, n }: { readonly src: string; readonly n: number },
    { envelope, json }: HeldEvent,
    recordBytes: number,
    segment: Segment | null,
  ): Held {
    const ring = this.#rings.get(partition);
    if (!ring) throw new Error(`there is no partition ${partition}`);
    const seq = ring.nextSeq;
    const bytes = recordBytes + OVERHEAD;
    const order = this.#order++;
    const held: Held = { partition, src, n, envelope, json, seq, order, bytes, segment, acknowledge: null, refuse: null };
    ring.push(held);
    this.#events += 1;
    this.#bytes += held.bytes;
    for (const reader of this.#readers) {
      reader.missing -= 1;
      if (reader.missing <= 0) reader.wake();
    }
    return held;
  }

  #forget(held: Held): void {
    this.#events -= 1;
    this.#bytes -= held.bytes;
    this.#acknowledge(held);
    if (held.segment) this.#journal?.release(held.segment);
  }

  #journalled(held: Held): void {
    if (this.#journalFails) {
      this.#journalFails = false;
      this.#logger?.info('the event journal can be written again');
    }
    this.#acknowledge(held);
  }

  /** The event still goes to the archive, and only that makes it safe now. */
  #notJournalled(held: Held, error: unknown): void {
    if (!this.#journalFails) {
      this.#journalFails = true;
      this.#logger?.error({ err: error }, 'the event journal cannot be written; events count as safe only once they are archived');
    }
    if (held.segment) this.#journal?.release(held.segment);
    held.segment = null;
  }

  #acknowledge(held: Held): void {
    held.acknowledge?.();
    held.acknowledge = null;
    held.refuse = null;
  }

  /** A cursor of another run says nothing about this one's places: reading starts at the first entry held. */
  #seqOf(cursor: string | undefined): number {
    if (cursor === undefined || !cursor.startsWith(`${this.#src}:`)) return 0;
    const seq = Number(cursor.slice(this.#src.length + 1));
    return Number.isSafeInteger(seq) ? seq : 0;
  }

  #take(from: ReadonlyMap<string, number>, limit: number): LogEntry[] {
    const sources = [...from].flatMap(([partition, seq]) => this.#rings.get(partition)?.after(seq) ?? []);
    return earliest(sources, limit).map((held) => {
      const { partition, src, n, json, seq } = held;
      return { partition, cursor: `${this.#src}:${seq}`, src, n, event: eventOf(held), json };
    });
  }

  #wait(missing: number, ms: number): Promise<void> {
    if (ms <= 0 || this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const reader: Reader = {
        missing,
        wake: () => {
          clearTimeout(timer);
          this.#readers.delete(reader);
          resolve();
        },
      };
      const timer = setTimeout(() => reader.wake(), ms);
      this.#readers.add(reader);
    });
  }

  #isFull(): boolean {
    return this.#events >= this.#maxEvents || this.#bytes >= this.#maxBytes;
  }

  #block(appender: Appender): void {
    if (this.#fullSince === null) {
      this.#fullSince = this.#clock.monotonic();
      this.#logger?.warn(this.backlog(), 'the event log is full; appends wait for the archive');
    }
    this.#blocked.push(appender);
  }

  /** In the order of their calls, before any call that comes later. */
  #unblock(): void {
    while (this.#blocked.length > 0 && !this.#isFull()) {
      const appender = this.#blocked.shift();
      if (appender) this.#accept(appender);
    }
    if (this.#blocked.length === 0 && this.#fullSince !== null) {
      this.#logger?.info({ waitedMs: this.#clock.monotonic() - this.#fullSince }, 'the event log has room again');
      this.#fullSince = null;
    }
  }
}

function closedError(): AppError {
  return new AppError('storage_unavailable', { cause: new Error('the event log is closed') });
}
