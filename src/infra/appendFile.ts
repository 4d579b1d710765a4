/** A file of framed records that only grows: group commit, CRC per record, a torn tail is cut off at open. */
import { writeSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { ensureFolder } from './folder.js';

/** Four bytes at the start of the file: name and version of the format. */
const MAGIC = Buffer.from('KGA1', 'latin1');
/** Each record: length (u32 LE), CRC-32 over length and payload (u32 LE), payload. */
const HEADER = 8;

/**
 * A write into the page cache costs 3 µs of CPU when done at once and 50–80 µs by way of a thread (measured with
 * 1.3 KB), so small ones are done at once. One that took longer than SLOW_MS says that the disk holds writers up:
 * for the next REST_MS threads wait instead of the event loop.
 */
const AT_ONCE_BYTES = 64 * 1024;
const SLOW_MS = 50;
const REST_MS = 2_000;

export interface AppendFileOptions {
  readonly path: string;
  /** `append` refuses (AppendFileFull) what would make the file larger. Default 256 MiB. */
  readonly maxBytes?: number;
  /** The longest time that written records wait for fsync, in ms; default 100. A crash of the process alone loses nothing. */
  readonly syncMs?: number;
  /** Told when a background fsync fails; the records are written, but a power cut could take them. */
  readonly onSyncError?: (error: unknown) => void;
}

export interface AppendFile {
  readonly path: string;
  /** Payloads that were intact at open, oldest first. */
  readonly found: readonly Buffer[];
  /** Bytes of a torn or damaged tail that were cut off at open. */
  readonly cutBytes: number;
  /** Bytes of the file, with the records still queued. */
  readonly size: number;
  /** Resolves when the record has been given to the operating system: it survives the death of this process. Keeps the order of calls. */
  append(record: Buffer): Promise<void>;
  /** Replaces the whole content in one step (a crash leaves the old or the new content). Appends called later come after it. */
  rewrite(records: readonly Buffer[]): Promise<void>;
  /** Resolves when everything appended so far is on the disk. */
  sync(): Promise<void>;
  /** Writes what is queued, syncs, closes. Idempotent. */
  close(): Promise<void>;
}

/** The file has reached its bound. */
export class AppendFileFull extends Error {
  override readonly name = 'AppendFileFull';
}

/** One record as it stands in the file. */
export function frame(record: Buffer): Buffer {
  return framesOf([record]);
}

function framesOf(records: readonly Buffer[]): Buffer {
  const framed = Buffer.allocUnsafe(records.reduce((sum, record) => sum + HEADER + record.length, 0));
  let at = 0;
  for (const record of records) {
    framed.writeUInt32LE(record.length, at);
    record.copy(framed, at + HEADER);
    framed.writeUInt32LE(checksum(framed.subarray(at, at + 4), record), at + 4);
    at += HEADER + record.length;
  }
  return framed;
}

function checksum(length: Buffer, payload: Buffer): number {
  return crc32(payload, crc32(length));
}

/** Splits a file's bytes into intact payloads; `end` is where the first damaged or unfinished record starts. */
export function scan(bytes: Buffer): { readonly records: Buffer[]; readonly end: number } {
  const records: Buffer[] = [];
  if (bytes.length < MAGIC.length) return { records, end: 0 };
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    // A power cut can leave a new file's first block as zeros: nothing was in it.
    if (bytes.readUInt32LE(0) === 0) return { records, end: 0 };
    throw new Error('not an append file of this version');
  }
  let at = MAGIC.length;
  while (at + HEADER <= bytes.length) {
    const next = at + HEADER + bytes.readUInt32LE(at);
    if (next > bytes.length) break;
    const payload = bytes.subarray(at + HEADER, next);
    if (bytes.readUInt32LE(at + 4) !== checksum(bytes.subarray(at, at + 4), payload)) break;
    records.push(payload);
    at = next;
  }
  return { records, end: at };
}

/**
 * Opens or creates the file (mode 0600) and its folder. Throws when the file is something else.
 * One process at a time: the owner of the folder sees to that.
 */
export async function openAppendFile(options: AppendFileOptions): Promise<AppendFile> {
  await ensureFolder(dirname(options.path));
  const handle = await open(options.path, 'a+', 0o600).then(async (created) => {
    await created.close();
    return open(options.path, 'r+');
  });
  try {
    const bytes = await handle.readFile();
    const { records, end } = scan(bytes);
    if (end < bytes.length) await handle.truncate(end);
    if (end === 0) await writeAll(handle, MAGIC, 0);
    return new FramedFile(handle, options, records, Math.max(end, MAGIC.length), bytes.length - end);
  } catch (error) {
    await handle.close();
    throw new Error(`cannot open ${options.path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

interface Waiting {
  readonly record: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class FramedFile implements AppendFile {
  readonly path: string;
  #handle: FileHandle;
  readonly #maxBytes: number;
  readonly #syncMs: number;
  readonly #onSyncError: (error: unknown) => void;
  /** Bytes written and whole; the next write goes here, over whatever a failed one left behind. */
  #written: number;
  #queuedBytes = 0;
  /** Records that wait for the next write; undefined when none does. */
  #batch: Waiting[] | undefined;
  /** Until `#batch` takes its turn. */
  #flushing: NodeJS.Immediate | undefined;
  /** One thing at a time touches the file: a write, a rewrite, a sync or the close. */
  #turn: Promise<void> = Promise.resolve();
  #syncTimer: NodeJS.Timeout | undefined;
  #restUntil = 0;
  #closed = false;

  constructor(
    handle: FileHandle,
    options: AppendFileOptions,
    readonly found: readonly Buffer[],
    written: number,
    readonly cutBytes: number,
  ) {
    this.path = options.path;
    this.#handle = handle;
    this.#written = written;
    this.#maxBytes = options.maxBytes ?? 256 * 1024 * 1024;
    this.#syncMs = options.syncMs ?? 100;
    this.#onSyncError = options.onSyncError ?? (() => undefined);
  }

  get size(): number {
    return this.#written + this.#queuedBytes;
  }

  append(record: Buffer): Promise<void> {
    if (this.#closed) return Promise.reject(new Error(`${this.path} is closed`));
    if (this.size + HEADER + record.length > this.#maxBytes) {
      return Promise.reject(new AppendFileFull(`${this.path} has reached its bound of ${this.#maxBytes} bytes`));
    }
    return new Promise((resolve, reject) => {
      this.#queuedBytes += HEADER + record.length;
      this.#openBatch().push({ record, resolve, reject });
    });
  }

  rewrite(records: readonly Buffer[]): Promise<void> {
    if (this.#closed) return Promise.reject(new Error(`${this.path} is closed`));
    // What was appended until here belongs to the old content; what comes later is written behind the rewrite.
    this.#flush();
    this.#batch = undefined;
    return this.#takeTurn(() => this.#replace(records));
  }

  sync(): Promise<void> {
    this.#flush();
    return this.#takeTurn(() => this.#handle.datasync());
  }

  close(): Promise<void> {
    if (this.#closed) return this.#turn;
    this.#flush();
    this.#closed = true;
    clearTimeout(this.#syncTimer);
    return this.#takeTurn(async () => {
      await this.#handle.datasync().catch(this.#onSyncError);
      await this.#handle.close();
    });
  }

  /** Runs `work` after what is already going on; a failure of one does not stop the next. */
  #takeTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** Whatever is appended in one turn of the event loop, or while a write is under way, goes out together in the next one. */
  #openBatch(): Waiting[] {
    if (this.#batch) return this.#batch;
    this.#flushing = setImmediate(() => this.#flush());
    this.#batch = [];
    return this.#batch;
  }

  /** Has what waits take its turn, where it has not yet. */
  #flush(): void {
    const batch = this.#batch;
    if (batch === undefined || this.#flushing === undefined) return;
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    void this.#takeTurn(async () => {
      if (this.#batch === batch) this.#batch = undefined;
      await this.#write(batch);
    });
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const bytes = framesOf(batch.map((waiting) => waiting.record));
    try {
      if (bytes.length <= AT_ONCE_BYTES && performance.now() >= this.#restUntil) this.#writeAtOnce(bytes);
      else await writeAll(this.#handle, bytes, this.#written);
      this.#written += bytes.length;
      this.#syncSoon();
      for (const waiting of batch) waiting.resolve();
    } catch (error) {
      // A full disk may have taken a part: the next write goes over it, and a reader stops before it.
      await this.#handle.truncate(this.#written).catch(() => undefined);
      for (const waiting of batch) waiting.reject(error);
    } finally {
      this.#queuedBytes -= bytes.length;
    }
  }

  #writeAtOnce(bytes: Buffer): void {
    const started = performance.now();
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#handle.fd, bytes, done, bytes.length - done, this.#written + done);
    }
    const ended = performance.now();
    if (ended - started > SLOW_MS) this.#restUntil = ended + REST_MS;
  }

  #syncSoon(): void {
    if (this.#syncTimer !== undefined || this.#closed) return;
    this.#syncTimer = setTimeout(() => {
      this.#syncTimer = undefined;
      this.#handle.datasync().catch(this.#onSyncError);
    }, this.#syncMs).unref();
  }

  async #replace(records: readonly Buffer[]): Promise<void> {
    const bytes = Buffer.concat([MAGIC, ...records.map(frame)]);
    const beside = `${this.path}.new`;
    const next = await open(beside, 'w+', 0o600);
    try {
      await writeAll(next, bytes, 0);
      await next.datasync();
      await rename(beside, this.path);
    } catch (error) {
      await next.close();
      await rm(beside, { force: true });
      throw error;
    }
    const old = this.#handle;
    this.#handle = next;
    this.#written = bytes.length;
    await old.close();
    await syncFolder(dirname(this.path));
  }
}

/** A rename is on the disk when its folder is; where folders cannot be synced, the system orders it itself. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().catch(() => undefined);
  await folder.close();
}
