/** What the head of an SQLite file, and the files beside it, say before SQLite itself is asked. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { SqliteFileError } from './readOnlySqliteError.js';

export interface Header {
  readonly bytes: number;
  readonly pageSize: number;
  /** null: the header does not tell. */
  readonly pages: number | null;
  /** It is used with a write-ahead log. */
  readonly wal: boolean;
}

const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;

/** Throws SqliteFileError for what cannot be read or is no SQLite file. */
export async function readHeader(path: string): Promise<Header> {
  const { head, bytes } = await readHead(path);
  if (head.toString('latin1', 0, 16) !== MAGIC) throw new SqliteFileError('foreign', `${path} is not an SQLite database`);
  const pageSize = head.readUInt16BE(16) === 1 ? 65_536 : head.readUInt16BE(16);
  // The count is right only where the program that wrote last kept it (SQLite file format, 1.3.7).
  const counted = head.readUInt32BE(24) === head.readUInt32BE(92) && head.readUInt32BE(28) > 0;
  return { bytes, pageSize, pages: counted ? head.readUInt32BE(28) : null, wal: head[18] === 2 };
}

async function readHead(path: string): Promise<{ head: Buffer; bytes: number }> {
  const head = Buffer.alloc(HEADER_BYTES);
  try {
    const file = await open(path, 'r');
    try {
      const facts = await file.stat();
      if (!facts.isFile()) throw new SqliteFileError('missing', `${path} is not a file`);
      await file.read(head, 0, HEADER_BYTES, 0);
      return { head, bytes: facts.size };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof SqliteFileError) throw error;
    throw new SqliteFileError('missing', `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      cause: error,
    });
  }
}

/** Bytes of a file; null: it is not there. */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch {
    return null;
  }
}

export interface Journal {
  /** It may hold what an unfinished transaction overwrote. SQLite decides whether it does. */
  readonly begun: boolean;
  /** It has fewer pages than it says were written: what it would restore is not all there. */
  readonly cutOff: boolean;
}

const JOURNAL_MAGIC = 'd9d505f920a163d7';
const JOURNAL_HEAD = 28;
/** The pages reach to the end of the file, however many they are. */
const UNCOUNTED = 0xffff_ffff;

/** Reads the heads of a rollback journal's parts (SQLite file format, 3). Nothing beside the file is no journal. */
export async function readJournal(path: string): Promise<Journal> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new SqliteFileError('missing', `${path} cannot be read: ${error.code ?? error.message}`, { cause: error });
  });
  if (file === null) return { begun: false, cutOff: false };
  try {
    return await walkJournal(file);
  } finally {
    await file.close();
  }
}

async function walkJournal(file: FileHandle): Promise<Journal> {
  const head = Buffer.alloc(JOURNAL_HEAD);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(head, 0, JOURNAL_HEAD, at);
    // Emptied, or its head zeroed: the transaction ended.
    if (at === 0 && (bytesRead === 0 || head[0] === 0)) return { begun: false, cutOff: false };
    if (bytesRead < JOURNAL_HEAD) return { begun: true, cutOff: at === 0 };
    const [records, sector, pageSize] = [head.readUInt32BE(8), head.readUInt32BE(20), head.readUInt32BE(24)];
    const isHead = head.toString('hex', 0, 8) === JOURNAL_MAGIC && sector >= 32;
    if (!isHead || records === UNCOUNTED || records === 0) return { begun: true, cutOff: false };
    const end = at + sector + records * (pageSize + 8);
    // The count is written after what it counts, so the size is asked for after the count.
    if (end > (await file.stat()).size) return { begun: true, cutOff: true };
    at = Math.ceil(end / sector) * sector;
  }
}
