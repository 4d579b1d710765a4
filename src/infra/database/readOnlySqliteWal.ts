/** Reads a write-ahead log as SQLite does, to tell a log that ends where its writer ended from one that was cut off or is of another file. */
import { type FileHandle, open } from 'node:fs/promises';

export interface Wal {
  /** Frames that follow whole and unaltered from its head. */
  readonly valid: number;
  /** Of these, up to the last commit: what SQLite reads. */
  readonly committed: number;
  /** Pages of the database after that commit; 0: there is none. */
  readonly pages: number;
  /** Pages that `committed` frames hold. */
  readonly held: ReadonlySet<number>;
  readonly pageSize: number;
  /** As in the file: a log that begins anew has others. */
  readonly salts: string;
  /** null: sound, as far as it can tell itself. */
  readonly fault: WalFault | null;
}

/** `cut`: ends in the middle of a frame. `broken`: a frame before a later commit is altered. `foreign`: no log. */
export type WalFault = 'cut' | 'broken' | 'foreign';

const HEAD_BYTES = 32;
const FRAME_HEAD_BYTES = 24;
const CHUNK_BYTES = 4 * 1024 * 1024;
const VERSION = 3_007_000;
/** The last bit tells the byte order of the sums. */
const MAGIC = 0x377f_0682;

/** `path` names a log that is not empty (SQLite file format, 4). What follows the last whole frame of this log is of an earlier one. */
export async function readWal(path: string): Promise<Wal> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
    const walk = new Walk(head);
    if (bytesRead < HEAD_BYTES) return walk.result('cut');
    if (!walk.begin()) return walk.result('foreign');
    return walk.result(await walkFrames(file, walk));
  } finally {
    await file.close();
  }
}

async function walkFrames(file: FileHandle, walk: Walk): Promise<WalFault | null> {
  const frameBytes = FRAME_HEAD_BYTES + walk.pageSize;
  const chunk = Buffer.alloc(Math.max(1, Math.floor(CHUNK_BYTES / frameBytes)) * frameBytes);
  for (let at = HEAD_BYTES; ; ) {
    const bytes = await readFully(file, chunk, at);
    const whole = Math.floor(bytes / frameBytes) * frameBytes;
    for (let from = 0; from < whole; from += frameBytes) walk.frame(chunk.subarray(from, from + frameBytes));
    if (walk.broken) return 'broken';
    if (bytes < chunk.length) return walk.endsWithin(chunk.subarray(whole, bytes)) ? 'cut' : null;
    at += bytes;
  }
}

async function readFully(file: FileHandle, into: Buffer, at: number): Promise<number> {
  for (let read = 0; ; ) {
    const { bytesRead } = await file.read(into, read, into.length - read, at + read);
    read += bytesRead;
    if (bytesRead === 0 || read === into.length) return read;
  }
}

class Walk {
  /** A commit of this log lies behind a frame that does not follow from the ones before it. */
  broken = false;
  readonly pageSize: number;
  readonly #head: Buffer;
  #sums: [number, number] = [0, 0];
  #followed = true;
  #valid = 0;
  #committed = 0;
  #pages = 0;
  readonly #held = new Set<number>();
  #uncommitted: number[] = [];

  constructor(head: Buffer) {
    this.#head = head;
    this.pageSize = head.readUInt32BE(8);
  }

  /** False: this is no head of a log. */
  begin(): boolean {
    const head = this.#head;
    const { pageSize } = this;
    const isSize = pageSize >= 512 && pageSize <= 65_536 && (pageSize & (pageSize - 1)) === 0;
    if ((head.readUInt32BE(0) & ~1) !== MAGIC || head.readUInt32BE(4) !== VERSION || !isSize) return false;
    this.#add(head.subarray(0, 24));
    return this.#matches(head.readUInt32BE(24), head.readUInt32BE(28));
  }

  frame(bytes: Buffer): void {
    if (!this.#isOfThisLog(bytes)) {
      this.#followed = false;
      return;
    }
    const pagesAfter = bytes.readUInt32BE(4);
    if (this.#followed) {
      this.#add(bytes.subarray(0, 8));
      this.#add(bytes.subarray(FRAME_HEAD_BYTES));
      this.#followed = this.#matches(bytes.readUInt32BE(16), bytes.readUInt32BE(20));
    }
    // What was rolled back stays behind the end and has no commit; a commit there was cut from what led to it.
    if (!this.#followed) this.broken ||= pagesAfter > 0;
    else this.#take(bytes.readUInt32BE(0), pagesAfter);
  }

  /** Does `rest`, less than a frame, continue this log? */
  endsWithin(rest: Buffer): boolean {
    if (rest.length === 0 || !this.#followed) return false;
    return rest.length < 16 || this.#isOfThisLog(rest);
  }

  result(fault: WalFault | null): Wal {
    return {
      valid: this.#valid,
      committed: this.#committed,
      pages: this.#pages,
      held: this.#held,
      pageSize: this.pageSize,
      salts: this.#head.toString('hex', 16, 24),
      fault,
    };
  }

  #take(page: number, pagesAfter: number): void {
    this.#valid += 1;
    this.#uncommitted.push(page);
    if (pagesAfter === 0) return;
    this.#committed = this.#valid;
    this.#pages = pagesAfter;
    for (const one of this.#uncommitted) this.#held.add(one);
    this.#uncommitted = [];
  }

  #isOfThisLog(frame: Buffer): boolean {
    return frame.compare(this.#head, 16, 24, 8, 16) === 0;
  }

  #matches(first: number, second: number): boolean {
    return this.#sums[0] === first && this.#sums[1] === second;
  }

  #add(bytes: Buffer): void {
    const littleEndian = (this.#head.readUInt32BE(0) & 1) === 0;
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let [first, second] = this.#sums;
    for (let at = 0; at < bytes.length; at += 8) {
      first = (first + words.getUint32(at, littleEndian) + second) >>> 0;
      second = (second + words.getUint32(at + 4, littleEndian) + first) >>> 0;
    }
    this.#sums = [first, second];
  }
}

const INDEX_BYTES = 48;

/** How far the index beside a log says that it was committed, and of which log it speaks; null: it does not tell. */
export async function readWalIndex(path: string): Promise<{ readonly committed: number; readonly salts: string } | null> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return null;
  try {
    const head = Buffer.alloc(2 * INDEX_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const isTwice = bytesRead === head.length && head.compare(head, INDEX_BYTES, 2 * INDEX_BYTES, 0, INDEX_BYTES) === 0;
    // In the byte order of the machine that wrote it; of another kind of machine it says nothing here.
    if (!isTwice || head.readUInt32LE(0) !== VERSION || head[12] !== 1) return null;
    return { committed: head.readUInt32LE(16), salts: head.toString('hex', 32, 40) };
  } finally {
    await file.close();
  }
}
