/** Judges a database file and the log or journal beside it before SQLite reads them: what was lost in copying is named, not passed over. */
import { setTimeout as wait } from 'node:timers/promises';
import { SqliteFileError } from './readOnlySqliteError.js';
import { type Header, readHeader, readJournal, sizeOf } from './readOnlySqliteHeader.js';
import { readWal, readWalIndex, type Wal } from './readOnlySqliteWal.js';

export interface Beside {
  /** A write-ahead log with something in it. */
  readonly hasLog: boolean;
  /** Only a private copy can be read: SQLite would have to write beside the file. */
  readonly needsCopy: boolean;
  /** Nobody can write to the file itself but by making a log first. */
  readonly cannotChange: boolean;
  /** What cannot be known, in sentences for the operator. */
  readonly remarks: readonly string[];
}

/** Throws SqliteFileError. */
export async function checkBeside(path: string): Promise<Beside> {
  const header = await readHeader(path);
  const wal = await sizeOf(`${path}-wal`);
  const index = await sizeOf(`${path}-shm`);
  const journal = await readJournal(`${path}-journal`);
  if (journal.cutOff) throw cutOff(`${path}-journal`, 'it has less than it says; what it would undo cannot be undone');
  if (!wal && !journal.begun && header.pages !== null && header.bytes < header.pages * header.pageSize) {
    const message = `${path} is cut off: it says ${header.pages} pages of ${header.pageSize} bytes and has ${header.bytes} bytes`;
    throw new SqliteFileError('truncated', message);
  }
  const log = wal ? await soundWal(path, header) : null;
  const usesLog = header.wal || wal !== null;
  return {
    hasLog: log !== null,
    needsCopy: usesLog && (wal === null || index === null) && (log !== null || journal.begun),
    cannotChange: usesLog && (wal === null || index === null),
    remarks: [...(header.wal && !wal ? [missing(path, index !== null)] : []), ...(log === null ? [] : unfinished(path, log))],
  };
}

function missing(path: string, indexIsThere: boolean): string {
  if (indexIsThere)
    return `no -wal lies beside ${path}, though its -shm does: the old service had one, with its newest rows; copy it too, or stop the old service in order first`;
  return `no -wal lies beside ${path}: as it should be where the old service was stopped in order; where it ran, or was killed, before the file was copied, its newest rows are in the -wal, which belongs to it`;
}

function unfinished(path: string, { valid, committed }: Wal): string[] {
  if (valid === committed) return [];
  return [
    `${path}-wal ends within a transaction that was not committed (${valid - committed} pages, not taken): usual where the old service is at work or was killed; if the file was cut off in copying, rows are missing`,
  ];
}

const ATTEMPTS = 4;
const PAUSE_MS = 100;
const LOCK_BYTE = 0x4000_0000;

/** What a writer is about to finish is looked at again: a fault stays. */
async function soundWal(path: string, header: Header): Promise<Wal> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await judgeWal(path, header);
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof SqliteFileError)) throw error;
      await wait(PAUSE_MS);
    }
  }
}

async function judgeWal(path: string, { pageSize }: Header): Promise<Wal> {
  const name = `${path}-wal`;
  // Before the log itself, which may grow meanwhile.
  const index = await readWalIndex(`${path}-shm`);
  const wal = await readWal(name).catch((error: unknown) => {
    throw new SqliteFileError('missing', `${name} cannot be read: ${String(error)}`, { cause: error });
  });
  if (wal.fault === 'cut') throw cutOff(name, 'it ends in the middle of a page');
  if (wal.fault === 'foreign') throw mismatch(name, 'is no write-ahead log');
  if (wal.fault === 'broken') throw mismatch(name, `is damaged: its page ${wal.valid + 1} is altered, and commits follow it`);
  if (wal.pageSize !== pageSize)
    throw mismatch(name, `is of another database: its pages have ${wal.pageSize} bytes, those of ${path} ${pageSize}`);
  if (index !== null && index.salts === wal.salts && index.committed > wal.committed)
    throw cutOff(name, `its index (-shm) knows of ${index.committed} pages, and ${wal.committed} are there`);
  // Never stored: SQLite locks its bytes.
  const lockPage = LOCK_BYTE / pageSize + 1;
  const own = Math.floor(((await sizeOf(path)) ?? 0) / pageSize);
  for (let page = own + 1; page <= wal.pages; page += 1) {
    if (!wal.held.has(page) && page !== lockPage)
      throw mismatch(name, `does not fit ${path}, or that one is cut off: page ${page} of ${wal.pages} is in neither`);
  }
  return wal;
}

const REMEDY =
  'copy the file and what lies beside it again, with the old service stopped; if they lie like this in its own folder, start it once and stop it in order';

const cutOff = (name: string, what: string): SqliteFileError => new SqliteFileError('truncated', `${name} is cut off: ${what}; ${REMEDY}`);
const mismatch = (name: string, what: string): SqliteFileError => new SqliteFileError('mismatch', `${name} ${what}; ${REMEDY}`);
