/** Looks into an SQLite file that is not ours to change: read-only, in one snapshot, with the rows of its write-ahead log, and leaving nothing beside it. */
import { pathToFileURL } from 'node:url';
import sqlite from '@databases/sqlite';
import { DatabaseError } from './errors.js';
import { type Queryable, type SQLQuery, sql } from './port.js';
import { checkBeside } from './readOnlySqliteBeside.js';
import { copyPrivately, sameTrace, type Trace, traceOf } from './readOnlySqliteCopy.js';
import { SqliteFileError } from './readOnlySqliteError.js';

export interface Damage {
  /** Whose pages are damaged; null: not to be told. */
  readonly table: string | null;
  readonly reason: string;
}

export interface ReadOnlySqlite extends Queryable {
  readonly path: string;
  /** `PRAGMA application_id`. */
  readonly applicationId: number;
  /** What the files leave open, in sentences for the operator. */
  readonly remarks: readonly string[];
  /** Columns by table, as the file has them. */
  tables(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Goes through every page of the file; null: it is sound. */
  damage(): Promise<Damage | null>;
  /** Was the file written since it was opened, where nothing but this would tell? Then what was read is of no one moment. */
  changed(): Promise<boolean>;
  /** May be called again. */
  close(): Promise<void>;
}

/** SQLITE_OPEN_READONLY, and SQLITE_OPEN_READWRITE, with SQLITE_OPEN_URI. */
const READ_ONLY_URI = 0x1 | 0x40;
const READ_WRITE_URI = 0x2 | 0x40;
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;

/**
 * Throws SqliteFileError. `path` may be in use by another program: then it is read under SQLite's own locks, and in journal mode
 * `delete` that program cannot write before `close`.
 */
export async function openReadOnlySqlite(path: string): Promise<ReadOnlySqlite> {
  const trace = await traceOf(path).catch(() => null);
  const beside = await checkBeside(path);
  const { session, watched } = await openSession(path, beside);
  try {
    const applicationId = (await session.run<{ application_id: number }>(sql`pragma application_id`))[0]?.application_id ?? 0;
    return {
      engine: 'sqlite',
      path,
      applicationId,
      remarks: beside.remarks,
      query: session.run,
      tables: () => tablesOf(session.run),
      damage: () => damageOf(session.run, beside.hasLog),
      changed: async () => watched && (await isOther(path, trace)),
      close: session.close,
    };
  } catch (error) {
    await session.close();
    throw asFileError(path, error);
  }
}

async function isOther(path: string, trace: Trace | null): Promise<boolean> {
  return !sameTrace(trace, await traceOf(path).catch(() => null));
}

interface Session {
  readonly run: Run;
  readonly close: () => Promise<void>;
}

type Run = <Row>(query: SQLQuery) => Promise<Row[]>;

/**
 * A log with its index may be in use: opened where it is. A log alone is of a program that ended without tidying: a private copy of
 * both. Where there is no log though the file is used with one, SQLite would make files beside it: opened as one that does not
 * change, and watched. Else SQLite's locks keep writers away; a journal to be rolled back first is, in a private copy.
 */
async function openSession(
  path: string,
  { needsCopy, cannotChange }: { needsCopy: boolean; cannotChange: boolean },
): Promise<{ session: Session; watched: boolean }> {
  if (needsCopy) return { session: await openCopy(path), watched: false };
  const uri = uriOf(path, cannotChange ? 'immutable=1' : 'mode=ro');
  try {
    return { session: await begin(path, uri, READ_ONLY_URI), watched: cannotChange };
  } catch (error) {
    if (errnoOf(error) === SQLITE_READONLY) return { session: await openCopy(path), watched: false };
    throw asFileError(path, error);
  }
}

/** The copy is gone from the disk once it is open, so that nothing of it stays whatever becomes of this process. */
async function openCopy(path: string): Promise<Session> {
  const copy = await copyPrivately(path);
  try {
    return await begin(path, uriOf(copy.path, 'mode=rw'), READ_WRITE_URI);
  } catch (error) {
    throw asFileError(path, error);
  } finally {
    await copy.remove();
  }
}

const uriOf = (file: string, options: string): string => `${pathToFileURL(file).href}?${options}`;

/** The snapshot is of the first read. Throws DatabaseError. */
async function begin(path: string, uri: string, mode: number): Promise<Session> {
  const connection = sqlite.default(uri, { mode, busyTimeout: 10_000 });
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closed ??= connection.dispose();
    return closed;
  };
  const run: Run = async (query) => {
    try {
      return await connection.query(query);
    } catch (error) {
      throw new DatabaseError('unavailable', `${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  };
  try {
    await run(sql`begin`);
    await run(sql`select count(*) as n from sqlite_master`);
    return { run, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function errnoOf(error: unknown): number | null {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'errno' in cause ? Number(cause.errno) & 0xff : null;
}

function asFileError(path: string, error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  if (errnoOf(error) === SQLITE_BUSY) {
    const message = `${path} is locked by a program that writes to it; try again, or stop that program`;
    return new SqliteFileError('changing', message, { cause: error });
  }
  return new SqliteFileError('foreign', `${path} cannot be read as an SQLite database: ${error.message}`, { cause: error });
}

async function tablesOf(run: Run): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await run<{ name: string; column: string }>(sql`
    select m.name as name, c.name as "column" from sqlite_master m join pragma_table_info(m.name) c
    where m.type = 'table' and m.name not like 'sqlite_%' order by m.name, c.cid`);
  const tables = new Map<string, string[]>();
  for (const { name, column } of rows) tables.set(name, [...(tables.get(name) ?? []), column]);
  return tables;
}

/** With a log beside it the indexes are compared too: a log of another copy leaves rows and indexes that do not fit. */
async function damageOf(run: Run, hasLog: boolean): Promise<Damage | null> {
  let found: string;
  try {
    const [row] = await run<Record<string, string>>(hasLog ? sql`pragma integrity_check(1)` : sql`pragma quick_check(1)`);
    found = Object.values(row ?? {})[0] ?? 'no answer';
  } catch (error) {
    found = error instanceof Error ? error.message : String(error);
  }
  if (found === 'ok') return null;
  const reason = found.replaceAll('\n', ' ').slice(0, 400);
  return { table: await tableIn(run, found), reason: hasLog ? `${reason} (is the -wal beside it of this very copy?)` : reason };
}

/** "Tree 7 page 9: …" names the root page of a table or index; other findings name the table. */
async function tableIn(run: Run, finding: string): Promise<string | null> {
  const root = Number(/\bTree (\d+)\b/i.exec(finding)?.[1] ?? Number.NaN);
  try {
    const rows = await run<{ name: string; tbl_name: string; rootpage: number }>(
      sql`select name, tbl_name, rootpage from sqlite_master where rootpage > 0`,
    );
    const isNamed = (name: string): boolean => new RegExp(`\\b${name.replace(/\W/g, '\\$&')}\\b`).test(finding);
    const named = rows.find(({ tbl_name, name }) => isNamed(tbl_name) || isNamed(name));
    return (rows.find(({ rootpage }) => rootpage === root) ?? named)?.tbl_name ?? null;
  } catch {
    return null;
  }
}
