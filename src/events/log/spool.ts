/** Files of one producer run for events that Redis does not hold safely: outlive the process, are read back, and go when archived. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppendFile, AppendFileFull, openAppendFile, scan } from '../../infra/appendFile.js';
import { ensureFolder } from '../../infra/folder.js';

/** One event, numbered by its producer. */
export interface SpoolRecord {
  readonly partition: string;
  readonly src: string;
  readonly n: number;
  /** The entry's values, as the log's adapter encodes them. */
  readonly values: readonly [envelope: string, data: string];
}

/** One file; removed when it is sealed and nothing in it is waited for any more. */
export interface SpoolSegment {
  readonly path: string;
  live: number;
  sealed: boolean;
  bytes: number;
}

export interface SpoolOptions {
  readonly dir: string;
  /** Most bytes of all files together. */
  readonly maxBytes: number;
  /** A file larger than this is followed by the next one; what is read back is read by whole files. Default 4 MiB. */
  readonly segmentBytes?: number;
  readonly onError: (error: unknown, what: string) => void;
}

const SEGMENT_BYTES = 4 * 1024 * 1024;
const NAME = /^\d{6,}\.spool$/;

export const encodeSpoolRecord = ({ partition, src, n, values }: SpoolRecord): Buffer =>
  Buffer.from(JSON.stringify([partition, src, n, values]), 'utf8');

/** Records of a file in their order, and how many bytes at its end are torn. Throws when the file is something else. */
export async function readSpoolFile(
  path: string,
): Promise<{ readonly records: SpoolRecord[]; readonly tornBytes: number; readonly bytes: number }> {
  const bytes = await readFile(path);
  const { records, end } = scan(bytes);
  const parsed = records.map((record) => {
    const [partition, src, n, values] = JSON.parse(record.toString('utf8')) as [string, string, number, [string, string]];
    return { partition, src, n, values };
  });
  return { records: parsed, tornBytes: bytes.length - end, bytes: bytes.length };
}

/** The spool files of a folder, oldest first. */
export async function spoolFilesOf(dir: string): Promise<string[]> {
  const names = (await readdir(dir)).filter((name) => NAME.test(name)).sort();
  return names.map((name) => join(dir, name));
}

export class Spool {
  readonly #options: SpoolOptions;
  readonly #segmentBytes: number;
  #file: AppendFile | undefined;
  #segment: SpoolSegment | undefined;
  #count = 0;
  #rotateAt: number;
  #rotating = false;
  #closed = false;
  /** Bytes of the files that are sealed. */
  #sealedBytes = 0;
  /** Files being opened, closed or removed; `close` waits for them. */
  readonly #busy = new Set<Promise<void>>();

  private constructor(options: SpoolOptions) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#rotateAt = this.#segmentBytes;
  }

  static async open(options: SpoolOptions): Promise<Spool> {
    await ensureFolder(options.dir, 0o700);
    const spool = new Spool(options);
    await spool.#openNext();
    return spool;
  }

  /** Of all files, with what is still being written. */
  get bytes(): number {
    return this.#sealedBytes + (this.#file?.size ?? 0);
  }

  get maxBytes(): number {
    return this.#options.maxBytes;
  }

  /** The file that the record goes to, and when it is there: it survives the death of the process then. */
  write(record: Buffer): { readonly segment: SpoolSegment; readonly written: Promise<void> } {
    const file = this.#file;
    const segment = this.#segment;
    if (!file || !segment || this.#closed) throw new Error('the spool is closed');
    if (this.bytes + record.length > this.#options.maxBytes) {
      throw new AppendFileFull(`the spool has reached its bound of ${this.#options.maxBytes} bytes`);
    }
    segment.live += 1;
    const written = file.append(record);
    if (file.size > this.#rotateAt) this.#rotate();
    return { segment, written };
  }

  /** So many records of the file are archived, or were not written. */
  release(segment: SpoolSegment, count = 1): void {
    segment.live -= count;
    if (segment.live > 0) return;
    if (segment.sealed) this.#track(this.#remove(segment), 'an archived spool file could not be removed');
    else if (segment === this.#segment && (this.#file?.size ?? 0) > this.#segmentBytes / 8) this.#rotate();
  }

  /** Writes what is queued and closes; files with live records stay. Answers whether any does. */
  async close(): Promise<boolean> {
    this.#closed = true;
    while (this.#busy.size > 0) await Promise.all(this.#busy);
    if (this.#file && this.#segment) await this.#seal(this.#file, this.#segment);
    this.#file = undefined;
    while (this.#busy.size > 0) await Promise.all(this.#busy);
    return (await spoolFilesOf(this.#options.dir)).length > 0;
  }

  async #openNext(): Promise<void> {
    this.#count += 1;
    const path = join(this.#options.dir, `${String(this.#count).padStart(6, '0')}.spool`);
    this.#file = await openAppendFile({ path, onSyncError: (error) => this.#options.onError(error, 'the spool could not be synced') });
    this.#segment = { path, live: 0, sealed: false, bytes: 0 };
    this.#rotateAt = this.#segmentBytes;
  }

  /** Goes on in a new file; until that is open the old one takes what comes. */
  #rotate(): void {
    if (this.#rotating || this.#closed) return;
    this.#rotating = true;
    const { file, segment } = { file: this.#file, segment: this.#segment };
    const work = this.#openNext().then(
      () => (file && segment ? this.#seal(file, segment) : undefined),
      (error: unknown) => {
        this.#rotateAt = (file?.size ?? 0) + this.#segmentBytes;
        throw error;
      },
    );
    const done = work.finally(() => {
      this.#rotating = false;
    });
    this.#track(done, 'a new spool file could not be opened; the old one goes on');
  }

  async #seal(file: AppendFile, segment: SpoolSegment): Promise<void> {
    segment.bytes = file.size;
    this.#sealedBytes += segment.bytes;
    await file.close();
    segment.sealed = true;
    if (segment.live === 0) await this.#remove(segment);
  }

  async #remove(segment: SpoolSegment): Promise<void> {
    this.#sealedBytes -= segment.bytes;
    await rm(segment.path, { force: true });
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
