/** SQLite behind the database port: one writing connection that takes the lock at once, reading ones that never wait for it. */
import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sqlite, { type DatabaseConnection } from '@databases/sqlite';
import { ensureFolder } from '../folder.js';
import { DatabaseError } from './errors.js';
import { createPool, type Pool } from './pool.js';
import { type Database, type Queryable, type SQLQuery, sql } from './port.js';
import { dropStumps, whyNot } from './sqliteRefusal.js';
import { createStatements } from './sqliteStatements.js';
import { mustBeValue } from './values.js';

/** `PRAGMA application_id` of a KiroGate database ("KGDB"); the first migration sets it. */
export const APPLICATION_ID = 0x4b47_4442;

export interface SqliteOptions {
  /** A file, created (mode 0600) with its folder when absent, or `:memory:` for one that ends with `close()`. */
  readonly path: string;
  /** How long a statement waits for another process's lock, in ms. Default 10,000. */
  readonly busyTimeoutMs?: number;
}

/** Throws DatabaseError naming the path when the file cannot be opened or is no SQLite database. */
export async function openSqlite(options: SqliteOptions): Promise<Database> {
  // Separate connections cannot share a private in-memory database without locking each other's tables: a file that goes away does it.
  const scratch = options.path === ':memory:' ? await mkdtemp(join(tmpdir(), 'kirogate-')) : null;
  const path = scratch === null ? options.path : join(scratch, 'memory.db');
  const busyTimeout = options.busyTimeoutMs ?? 10_000;
  let writer: Connection | undefined;
  const beside = [`${path}-wal`, `${path}-shm`].filter((file) => !existsSync(file));
  try {
    await ensureFolder(dirname(path));
    await (await open(path, 'a', 0o600)).close();
    const connection = connect(path, busyTimeout, true);
    writer = connection;
    await patiently(busyTimeout, () => prepareWriter(connection, scratch !== null));
    return new SqliteDatabase(path, connection, busyTimeout, async () => {
      if (scratch !== null) await rm(scratch, { recursive: true, force: true });
    });
  } catch (error) {
    await writer?.dispose().catch(() => undefined);
    if (beside.length === 2) await dropStumps(path);
    const reason = await whyNot(path, error);
    if (scratch !== null) await rm(scratch, { recursive: true, force: true });
    throw new DatabaseError('unavailable', `cannot open the SQLite database ${path}: ${reason}`, { cause: error });
  }
}

/** One connection; statements run in the order of calls, also when the caller does not wait between them. */
interface Connection {
  query(query: SQLQuery): Promise<unknown[]>;
  dispose(): Promise<void>;
}

/** `keep`: statements stay prepared. */
function connect(path: string, busyTimeout: number, keep: boolean): Connection {
  const connection: DatabaseConnection = sqlite.default(path, { busyTimeout });
  const statements = keep ? createStatements(connection) : null;
  let last: Promise<unknown> = Promise.resolve();
  return {
    query(query) {
      const mine = last.then(() => (statements ?? connection).query(query));
      last = mine.catch(() => undefined);
      return mine;
    },
    async dispose() {
      await last;
      await statements?.close();
      await connection.dispose();
    },
  };
}

async function prepareWriter(writer: Connection, scratch: boolean): Promise<void> {
  const [known] = (await writer.query(sql`pragma application_id`)) as { application_id: number }[];
  const [tables] = (await writer.query(sql`select count(*) as n from sqlite_master`)) as { n: number }[];
  // Somebody else's file stays as it is; the migrator refuses it.
  if (tables?.n === 0 || known?.application_id === APPLICATION_ID) await writer.query(sql`pragma journal_mode = wal`);
  // FULL: what a command has confirmed is still there after a power cut.
  await writer.query(scratch ? sql`pragma synchronous = off` : sql`pragma synchronous = full`);
  await writer.query(sql`pragma cache_size = -32768`);
  await writer.query(sql`pragma temp_store = memory`);
  await writer.query(sql`pragma journal_size_limit = 67108864`);
}

/** The switch to WAL answers "busy" at once when several processes do it together, whatever the timeout says. */
async function patiently(ms: number, work: () => Promise<void>): Promise<void> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!hasCode(error, 'SQLITE_BUSY') || performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
    }
  }
}

/** Reads that run at the same time. Each holds a thread of libuv's pool (4): the writer and the append files need the rest. */
const PARALLEL_READS = 2;
const MAX_SNAPSHOTS = 8;

type Run = <Row>(query: SQLQuery) => Promise<Row[]>;

class SqliteDatabase implements Database {
  readonly engine = 'sqlite';
  readonly #path: string;
  readonly #writer: Connection;
  readonly #readers: Pool<Connection>;
  readonly #snapshots: Pool<Connection>;
  readonly #gate = createPool<null>({ max: PARALLEL_READS, open: async () => null, end: async () => undefined });
  readonly #afterClose: () => Promise<void>;
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(path: string, writer: Connection, busyTimeout: number, afterClose: () => Promise<void>) {
    this.#path = path;
    this.#writer = writer;
    this.#afterClose = afterClose;
    const openReader = async (): Promise<Connection> => {
      const reader = connect(path, busyTimeout, false);
      await reader.query(sql`pragma query_only = on`);
      await reader.query(sql`pragma temp_store = memory`);
      return reader;
    };
    const end = (connection: Connection): Promise<void> => connection.dispose();
    this.#readers = createPool({ max: PARALLEL_READS, open: openReader, end });
    this.#snapshots = createPool({ max: MAX_SNAPSHOTS, open: openReader, end });
  }

  async query<Row>(query: SQLQuery): Promise<Row[]> {
    this.#mustBeOpen();
    try {
      return await this.#readers.use((reader) => this.#reading(reader)<Row>(query));
    } catch (error) {
      // Readers cannot write, so the engine itself says which statements are writes.
      if (!(error instanceof DatabaseError) || !hasCode(error.cause, 'SQLITE_READONLY')) throw error;
      return await this.tx((tx) => tx.query<Row>(query));
    }
  }

  async tx<T>(fn: (tx: Queryable) => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    const run = runOn(this.#path, this.#writer);
    // The lock is taken at once: a transaction that read first and then wrote could find its snapshot stale.
    const mine = this.#turn.then(() => transaction(run, sql`begin immediate`, fn));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async snapshot<T>(fn: (tx: Queryable) => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    return this.#snapshots.use((reader) =>
      transaction(this.#reading(reader), sql`begin`, async (tx) => {
        // A deferred transaction sees the database as of its first read: take that now.
        await tx.query(sql`select 1 from sqlite_master limit 1`);
        return fn(tx);
      }),
    );
  }

  async ping(): Promise<void> {
    await this.query(sql`select 1`);
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#turn;
      await Promise.all([this.#readers.close(), this.#snapshots.close()]);
      await this.#writer.dispose();
      await this.#afterClose();
    })();
    return this.#closing;
  }

  #reading(reader: Connection): Run {
    const run = runOn(this.#path, reader);
    return (query) => this.#gate.use(() => run(query));
  }

  #mustBeOpen(): void {
    if (this.#closing) throw new DatabaseError('unavailable', `the SQLite database ${this.#path} is closed`);
  }
}

async function transaction<T>(run: Run, begin: SQLQuery, fn: (tx: Queryable) => Promise<T>): Promise<T> {
  let live = true;
  const tx: Queryable = {
    engine: 'sqlite',
    query: async <Row>(query: SQLQuery) => {
      if (!live) throw new DatabaseError('statement', 'the transaction has ended');
      return run<Row>(query);
    },
  };
  await run(begin);
  try {
    const result = await fn(tx);
    live = false;
    await run(sql`commit`);
    return result;
  } catch (error) {
    live = false;
    // The engine may have rolled back by itself (disk full); the first error is the one that counts.
    await run(sql`rollback`).catch(() => undefined);
    throw error;
  }
}

function runOn(path: string, connection: Connection): Run {
  return async <Row>(query: SQLQuery) => {
    query.format(checkValues);
    try {
      return (await connection.query(query)) as Row[];
    } catch (error) {
      throw explain(path, error);
    }
  };
}

function checkValues(items: readonly object[]): null {
  for (const item of items) if ('value' in item) mustBeValue(item.value);
  return null;
}

function explain(path: string, error: unknown): DatabaseError {
  const message = `SQLite database ${path}: ${text(error)}`;
  const options = { cause: error };
  switch (error instanceof Error && 'code' in error ? error.code : '') {
    case 'SQLITE_CONSTRAINT':
      return new DatabaseError(/UNIQUE|PRIMARY KEY/.test(text(error)) ? 'unique' : 'statement', message, options);
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return new DatabaseError('busy', `${message}; another process holds the write lock`, options);
    case 'SQLITE_FULL':
      return new DatabaseError('unavailable', `${message}; free some disk space`, options);
    case 'SQLITE_IOERR':
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_CORRUPT':
    case 'SQLITE_NOTADB':
    case 'SQLITE_READONLY':
      return new DatabaseError('unavailable', message, options);
    default:
      return new DatabaseError('statement', message, options);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
