/** Looks into an SQLite file that is not ours to change: read-only, in one snapshot, with the rows of its write-ahead log, and leaving nothing beside it. */
import { copyFile, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sqlite from '@databases/sqlite';
import { DatabaseError } from './errors.js';
import { type Queryable, type SQLQuery, sql } from './port.js';

/** The file cannot be read as a database; the message names it and says why. */
export class SqliteFileError extends Error {
  override readonly name = 'SqliteFileError';

  constructor(
    /** `missing`: not there or not readable. `foreign`: no SQLite database. `truncated`: shorter than it says. */
    readonly fault: 'missing' | 'foreign' | 'truncated',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface Damage {
  /** Whose pages are damaged; null: not to be told. */
  readonly table: string | null;
  readonly reason: string;
}

export interface ReadOnlySqlite extends Queryable {
  readonly path: string;
  /** `PRAGMA application_id`. */
  readonly applicationId: number;
  /** It was used with a write-ahead log, and none lies beside it: what the last session wrote may be missing. */
  readonly walMissing: boolean;
  /** Columns by table, as the file has them. */
  tables(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Goes through every page of the file; null: it is sound. */
  damage(): Promise<Damage | null>;
  close(): Promise<void>;
}

const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
/** SQLITE_OPEN_READONLY with SQLITE_OPEN_URI. */
const READ_ONLY_URI = 0x1 | 0x40;

/** Throws SqliteFileError. `path` may be in use by another program. */
export async function openReadOnlySqlite(path: string): Promise<ReadOnlySqlite> {
  const header = await readHeader(path);
  const wal = await sizeOf(`${path}-wal`);
  if (wal === 0 && header.pages !== null && header.bytes < header.pages * header.pageSize) {
    const message = `${path} is cut off: it says ${header.pages} pages of ${header.pageSize} bytes and has ${header.bytes} bytes`;
    throw new SqliteFileError('truncated', message);
  }
  const place = await placeOf(path, wal);
  const connection = sqlite.default(place.uri, { mode: READ_ONLY_URI, busyTimeout: 10_000 });
  const run = async <Row>(query: SQLQuery): Promise<Row[]> => {
    try {
      return (await connection.query(query)) as Row[];
    } catch (error) {
      throw new DatabaseError('unavailable', `${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  };
  const close = async (): Promise<void> => {
    await connection.dispose();
    await place.remove();
  };
  let applicationId: number;
  try {
    await run(sql`begin`);
    // The snapshot is of the first read. What the header says may be older than the log.
    await run(sql`select count(*) as n from sqlite_master`);
    applicationId = (await run<{ application_id: number }>(sql`pragma application_id`))[0]?.application_id ?? 0;
  } catch (error) {
    await close();
    throw new SqliteFileError('foreign', `${path} cannot be read as an SQLite database: ${(error as Error).message}`, { cause: error });
  }
  return {
    engine: 'sqlite',
    path,
    applicationId,
    walMissing: header.wal && wal === 0,
    query: run,
    tables: () => tablesOf(run),
    damage: () => damageOf(run),
    close,
  };
}

interface Header {
  readonly bytes: number;
  readonly pageSize: number;
  /** null: the header does not tell. */
  readonly pages: number | null;
  readonly wal: boolean;
}

async function readHeader(path: string): Promise<Header> {
  const head = Buffer.alloc(HEADER_BYTES);
  let bytes: number;
  try {
    const file = await open(path, 'r');
    try {
      const facts = await file.stat();
      if (!facts.isFile()) throw new SqliteFileError('missing', `${path} is not a file`);
      bytes = facts.size;
      await file.read(head, 0, HEADER_BYTES, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof SqliteFileError) throw error;
    throw new SqliteFileError('missing', `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, {
      cause: error,
    });
  }
  if (head.toString('latin1', 0, 16) !== MAGIC) throw new SqliteFileError('foreign', `${path} is not an SQLite database`);
  const pageSize = head.readUInt16BE(16) === 1 ? 65_536 : head.readUInt16BE(16);
  // The count is right only where the program that wrote last kept it (SQLite file format, 1.3.7).
  const counted = head.readUInt32BE(24) === head.readUInt32BE(92) && head.readUInt32BE(28) > 0;
  return { bytes, pageSize, pages: counted ? head.readUInt32BE(28) : null, wal: head[18] === 2 };
}

interface Place {
  readonly uri: string;
  remove(): Promise<void>;
}

/**
 * Without a log the file cannot change under us: opened as such, SQLite makes no files of its own beside it. With a log and its
 * index somebody may be at work: opened where it is. A log alone is of a program that ended without tidying: a private copy of both.
 */
async function placeOf(path: string, wal: number): Promise<Place> {
  const nothing = async (): Promise<void> => undefined;
  const uriOf = (file: string, options: string): string => `${pathToFileURL(file).href}?${options}`;
  if (wal === 0) return { uri: uriOf(path, 'immutable=1'), remove: nothing };
  if ((await sizeOf(`${path}-shm`)) > 0) return { uri: uriOf(path, 'mode=ro'), remove: nothing };
  const dir = await mkdtemp(join(tmpdir(), 'kirogate-read-'));
  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    await copyFile(path, join(dir, 'x.db'));
    await copyFile(`${path}-wal`, join(dir, 'x.db-wal'));
  } catch (error) {
    await remove();
    throw new SqliteFileError('missing', `${path} and its -wal cannot be copied: ${String(error)}`, { cause: error });
  }
  return { uri: uriOf(join(dir, 'x.db'), 'mode=ro'), remove };
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

type Run = <Row>(query: SQLQuery) => Promise<Row[]>;

async function tablesOf(run: Run): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await run<{ name: string; column: string }>(sql`
    select m.name as name, c.name as "column" from sqlite_master m join pragma_table_info(m.name) c
    where m.type = 'table' and m.name not like 'sqlite_%' order by m.name, c.cid`);
  const tables = new Map<string, string[]>();
  for (const { name, column } of rows) tables.set(name, [...(tables.get(name) ?? []), column]);
  return tables;
}

async function damageOf(run: Run): Promise<Damage | null> {
  let found: string;
  try {
    found = (await run<{ quick_check: string }>(sql`pragma quick_check(1)`))[0]?.quick_check ?? 'no answer';
  } catch (error) {
    found = error instanceof Error ? error.message : String(error);
  }
  if (found === 'ok') return null;
  return { table: await tableIn(run, found), reason: found.replaceAll('\n', ' ').slice(0, 400) };
}

/** "Tree 7 page 9: …" names the root page of a table or index; other findings name the table. */
async function tableIn(run: Run, finding: string): Promise<string | null> {
  const root = Number(/\bTree (\d+)\b/i.exec(finding)?.[1] ?? Number.NaN);
  try {
    const rows = await run<{ tbl_name: string; rootpage: number }>(sql`select tbl_name, rootpage from sqlite_master where rootpage > 0`);
    const named = rows.find(({ tbl_name }) => new RegExp(`\\b${tbl_name.replace(/\W/g, '\\$&')}\\b`).test(finding));
    return (rows.find(({ rootpage }) => rootpage === root) ?? named)?.tbl_name ?? null;
  } catch {
    return null;
  }
}
