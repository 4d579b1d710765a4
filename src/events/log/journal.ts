/** The write-ahead files of the in-process log: what was acknowledged and is not archived yet, found again after a crash. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppendFile, openAppendFile, scan } from '../../infra/appendFile.js';
import { ensureFolder } from '../../infra/folder.js';
import type { NewEvent } from '../define.js';
import type { HeldEvent } from './held.js';

export interface JournalRecord {
  readonly partition: string;
  readonly src: string;
  readonly n: number;
  readonly event: NewEvent;
}

/** One file; removed when it is sealed and nothing in it is waited for any more. */
export interface Segment {
  readonly path: string;
  live: number;
  sealed: boolean;
}

export interface Journal {
  /** Records of earlier runs in their order, each with the segment that must be released for it. */
  takeLeftovers(): readonly { readonly record: JournalRecord; readonly bytes: number; readonly segment: Segment }[];
  /** The segment that the record goes to, and when it is there. */
  write(record: Buffer): { readonly segment: Segment; readonly written: Promise<void> };
  /** One record of the segment is archived, or was not written. */
  release(segment: Segment): void;
  /** Flushes and closes; files with live records stay for the next run. */
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly dir: string;
  /** This run; part of the file names, so that they sort by age. */
  readonly src: string;
  /** A file larger than this is followed by the next one. */
  readonly segmentBytes: number;
  /** A file with nothing live is replaced once it is larger than this. */
  readonly idleBytes: number;
  readonly onError: (error: unknown, what: string) => void;
}

/** JSON of `[partition, n, event]`. */
export function encodeRecord(partition: string, n: number, { envelope, json }: HeldEvent): Buffer {
  const head = JSON.stringify(envelope);
  return Buffer.from(`["${partition}",${n},${head.slice(0, -1)},"data":${json}}]`, 'utf8');
}

/** Throws when a leftover file cannot be read: starting without it would lose events that were acknowledged. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  await ensureFolder(options.dir, 0o700);
  const names = (await readdir(options.dir)).filter((name) => name.endsWith('.log')).sort();
  const leftovers: Leftover[] = [];
  for (const name of names) leftovers.push(...(await readLeftover(join(options.dir, name), name)));
  const journal = new SegmentedJournal(options, leftovers);
  await journal.open();
  return journal;
}

type Leftover = ReturnType<Journal['takeLeftovers']>[number];

async function readLeftover(path: string, name: string): Promise<readonly Leftover[]> {
  const src = name.slice(0, name.indexOf('.'));
  try {
    const { records } = scan(await readFile(path));
    if (records.length === 0) {
      await rm(path, { force: true });
      return [];
    }
    const segment: Segment = { path, live: records.length, sealed: true };
    return records.map((bytes) => {
      const [partition, n, event] = JSON.parse(bytes.toString('utf8')) as [string, number, NewEvent];
      return { record: { partition, src, n, event }, bytes: bytes.length, segment };
    });
  } catch (error) {
    throw new Error(`cannot read the event journal ${path}; it may hold events that were not archived: repair it or move it away`, {
      cause: error,
    });
  }
}

class SegmentedJournal implements Journal {
  readonly #options: JournalOptions;
  #leftovers: readonly Leftover[];
  #file: AppendFile | undefined;
  #segment: Segment | undefined;
  #count = 0;
  #rotateAt: number;
  #rotating = false;
  #closed = false;
  /** Files being opened, closed or removed; `close` waits for them. */
  readonly #busy = new Set<Promise<void>>();

  constructor(options: JournalOptions, leftovers: readonly Leftover[]) {
    this.#options = options;
    this.#leftovers = leftovers;
    this.#rotateAt = options.segmentBytes;
  }

  async open(): Promise<void> {
    this.#count += 1;
    const path = join(this.#options.dir, `${this.#options.src}.${String(this.#count).padStart(6, '0')}.log`);
    this.#file = await openAppendFile({
      path,
      onSyncError: (error) => this.#options.onError(error, 'the event journal could not be synced'),
    });
    this.#segment = { path, live: 0, sealed: false };
    this.#rotateAt = this.#options.segmentBytes;
  }

  takeLeftovers(): readonly Leftover[] {
    const taken = this.#leftovers;
    this.#leftovers = [];
    return taken;
  }

  write(record: Buffer): { segment: Segment; written: Promise<void> } {
    const file = this.#file;
    const segment = this.#segment;
    if (!file || !segment) throw new Error('the event journal is not open');
    segment.live += 1;
    const written = file.append(record);
    if (file.size > this.#rotateAt) this.#rotate();
    return { segment, written };
  }

  release(segment: Segment): void {
    segment.live -= 1;
    if (segment.live > 0) return;
    if (segment.sealed) this.#track(rm(segment.path, { force: true }), 'an archived event journal could not be removed');
    else if (segment === this.#segment && (this.#file?.size ?? 0) > this.#options.idleBytes) this.#rotate();
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#busy.size > 0) await Promise.all(this.#busy);
    if (!this.#file || !this.#segment) return;
    await this.#seal(this.#file, this.#segment);
    this.#file = undefined;
    this.#segment = undefined;
  }

  /** Goes on in a new file; until that is open the old one takes what comes. */
  #rotate(): void {
    if (this.#rotating || this.#closed) return;
    this.#rotating = true;
    const { file, segment } = { file: this.#file, segment: this.#segment };
    const work = this.open().then(
      () => (file && segment ? this.#seal(file, segment) : undefined),
      (error: unknown) => {
        this.#rotateAt = (file?.size ?? 0) + this.#options.segmentBytes;
        throw error;
      },
    );
    this.#track(
      work.finally(() => {
        this.#rotating = false;
      }),
      'a new event journal could not be opened; the old one goes on',
    );
  }

  async #seal(file: AppendFile, segment: Segment): Promise<void> {
    await file.close();
    segment.sealed = true;
    if (segment.live === 0) await rm(segment.path, { force: true });
  }

  #track(work: Promise<void>, what: string): void {
    const tracked = work
      .catch((error: unknown) => this.#options.onError(error, what))
      .finally(() => {
        this.#busy.delete(tracked);
      });
    this.#busy.add(tracked);
  }
}
