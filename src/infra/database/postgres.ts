/** PostgreSQL behind the database port: a pool of connections, each with its time limits, dropped when anything is wrong with it. */
import { Pool, type PoolClient, type QueryResult } from 'pg';
import type { Logger } from 'pino';
import { ConfigError } from '../../config.js';
import { StoreUnreachable } from '../../errors.js';
import { parsePostgresUrl } from '../../shared/postgresUrl.js';
import { DatabaseError } from './errors.js';
import type { Database, Queryable, SQLQuery } from './port.js';
import { explainPostgres } from './postgresErrors.js';
import { mustBeValue } from './values.js';

export interface PostgresOptions {
  /** `postgresql://`, `postgres://` or `postgresql+asyncpg://`. */
  readonly url: string;
  /** Connections kept once they were needed. Default 20. */
  readonly poolSize?: number;
  /** More of them under load. Default 10. */
  readonly maxOverflow?: number;
  readonly logger?: Logger;
  /** Longest wait for a new connection, and for one that is in use. Default 5,000 ms. */
  readonly connectTimeoutMs?: number;
  /** Longest statement. Default 30,000 ms. */
  readonly statementTimeoutMs?: number;
  /** Longest wait for a lock. Default 10,000 ms. */
  readonly lockTimeoutMs?: number;
  /** How long a write transaction may keep its locks without a statement, as a process does that was frozen. Default 10,000 ms. */
  readonly idleInTransactionMs?: number;
}

/** Over the statement's own limit, for a server that does not answer at all. */
const SILENCE_MS = 5_000;
/** Snapshots hold up nobody; their reader may be slow. */
const IDLE_SNAPSHOT_MS = 300_000;
const PING_MS = 2_000;

/** Connects once. Rejects with StoreUnreachable, which names host, port, database and the reason; ConfigError where the role may not connect. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { connectionString, label } = parsePostgresUrl(options.url);
  const database = new PostgresDatabase(connectionString, label, options);
  try {
    await database.ping();
    return database;
  } catch (error) {
    await database.close();
    throw asOpenFault(error);
  }
}

/** Without the error between, whose message is the same. */
function asOpenFault(error: unknown): Error {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  if (cause instanceof Error && 'code' in cause && cause.code === '42501') return new ConfigError([message]);
  return new StoreUnreachable(message, { cause });
}

class PostgresDatabase implements Database {
  readonly engine = 'postgres';
  readonly #label: string;
  readonly #pool: Pool;
  readonly #logger: Logger | undefined;
  #lost = false;
  #closing: Promise<void> | undefined;

  constructor(connectionString: string, label: string, options: PostgresOptions) {
    const { poolSize = 20, maxOverflow = 10, connectTimeoutMs = 5_000, statementTimeoutMs = 30_000 } = options;
    this.#label = label;
    this.#logger = options.logger;
    this.#pool = new Pool({
      connectionString,
      application_name: 'kirogate',
      min: poolSize,
      max: poolSize + maxOverflow,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: statementTimeoutMs + SILENCE_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      // Statements of one transaction that are under way together cost one round trip.
      pipeline: true,
      onConnect: (client) => prepareSession(client as PoolClient, { statementTimeoutMs, ...options }),
    });
    // A connection that was lost while it lay idle has left the pool already.
    this.#pool.on('error', (error) => this.#lose(explainPostgres(label, error)));
  }

  async query<Row>(query: SQLQuery): Promise<Row[]> {
    return this.#lend((client) => run<Row>(client, this.#label, query));
  }

  async tx<T>(fn: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#lend((client) => this.#transaction(client, 'begin isolation level read committed', fn));
  }

  async snapshot<T>(fn: (tx: Queryable) => Promise<T>): Promise<T> {
    // The first statement behind the settings takes the snapshot.
    const begin = `begin isolation level repeatable read read only; set local idle_in_transaction_session_timeout = ${IDLE_SNAPSHOT_MS}; select 1`;
    return this.#lend((client) => this.#transaction(client, begin, fn));
  }

  async ping(): Promise<void> {
    await this.#lend((client) => send(client, this.#label, { text: 'select 1', query_timeout: PING_MS }));
  }

  close(): Promise<void> {
    this.#closing ??= this.#pool.end();
    return this.#closing;
  }

  async #lend<T>(fn: (client: PoolClient) => Promise<T>): Promise<T> {
    if (this.#closing) throw new DatabaseError('unavailable', `PostgreSQL at ${this.#label}: this pool is closed`);
    let client: PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw this.#lose(explainPostgres(this.#label, error));
    }
    let broken: Error | undefined;
    // Without a listener the loss of a connection would end the process.
    const onError = (error: Error): void => {
      broken ??= error;
    };
    client.on('error', onError);
    try {
      const result = await fn(client);
      this.#found();
      return result;
    } catch (error) {
      if (broken === undefined && !isUnavailable(error)) throw error;
      // The loss tells more than "the connection cannot be used", which a later statement says.
      const explained = broken === undefined ? (error as DatabaseError) : explainPostgres(this.#label, broken);
      broken ??= explained;
      throw error instanceof DatabaseError ? this.#lose(explained) : error;
    } finally {
      client.off('error', onError);
      client.release(broken);
    }
  }

  async #transaction<T>(client: PoolClient, begin: string, fn: (tx: Queryable) => Promise<T>): Promise<T> {
    let live = true;
    let failure: DatabaseError | undefined;
    const tx: Queryable = {
      engine: 'postgres',
      query: async <Row>(query: SQLQuery) => {
        if (!live) throw new DatabaseError('statement', 'the transaction has ended');
        try {
          return await run<Row>(client, this.#label, query);
        } catch (error) {
          if (error instanceof DatabaseError && !isAftermath(error)) failure = error;
          throw error;
        }
      },
    };
    await send(client, this.#label, { text: begin });
    try {
      const result = await fn(tx);
      live = false;
      const { command } = await send(client, this.#label, { text: 'commit' });
      // A transaction in which a statement failed is rolled back by "commit", without an error.
      if (command !== 'COMMIT')
        throw new DatabaseError('statement', 'a statement of the transaction had failed: all of it was rolled back');
      return result;
    } catch (error) {
      live = false;
      await this.#rollback(client);
      // Of statements under way together the caller may hear of a later one first, which failed only because another had.
      throw failure !== undefined && isAftermath(error) ? failure : error;
    }
  }

  async #rollback(client: PoolClient): Promise<void> {
    try {
      await send(client, this.#label, { text: 'rollback' });
    } catch (error) {
      // Whatever state it is in, nobody gets this connection again.
      client.emit('error', error);
    }
  }

  /** One line in the log when the store is lost and one when it is back. */
  #lose(error: DatabaseError): DatabaseError {
    if (error.fault === 'unavailable' && !this.#lost && !this.#closing) {
      this.#lost = true;
      this.#logger?.warn({ err: error }, 'PostgreSQL does not answer as it should');
    }
    return error;
  }

  #found(): void {
    if (!this.#lost) return;
    this.#lost = false;
    this.#logger?.info({ postgres: this.#label }, 'PostgreSQL is back');
  }
}

/** The limits go with every connection: a server's own defaults are "for ever". */
async function prepareSession(
  client: PoolClient,
  { statementTimeoutMs, lockTimeoutMs = 10_000, idleInTransactionMs = 10_000 }: PostgresOptions & { readonly statementTimeoutMs: number },
): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>({
    text: `select set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),
      set_config('idle_in_transaction_session_timeout', $3, false), pg_is_in_recovery() as standby`,
    values: [`${statementTimeoutMs}`, `${lockTimeoutMs}`, `${idleInTransactionMs}`],
  });
  if (rows[0]?.standby === true) {
    throw Object.assign(new Error('the server is in recovery'), { code: '25006' });
  }
}

async function run<Row>(client: PoolClient, label: string, query: SQLQuery): Promise<Row[]> {
  const { text, values } = query.format(format);
  return (await send(client, label, { text, values })).rows as Row[];
}

async function send(
  client: PoolClient,
  label: string,
  statement: { text: string; values?: unknown[]; query_timeout?: number },
): Promise<QueryResult<object>> {
  try {
    return await client.query<object>({ ...statement, types: { getTypeParser } });
  } catch (error) {
    throw explainPostgres(label, error);
  }
}

const format = {
  escapeIdentifier: (name: string) => `"${name.replaceAll('"', '""')}"`,
  formatValue(value: unknown, index: number) {
    mustBeValue(value);
    return { placeholder: `$${index + 1}`, value };
  },
};

/** By the type's number in pg_type: what the port promises as number or boolean; everything else stays text. */
function getTypeParser(type: number): (text: string) => unknown {
  switch (type) {
    case 16: // boolean
      return (text) => text === 't';
    case 20: // bigint
    case 21: // smallint
    case 23: // integer
    case 26: // oid
    case 700: // real
    case 701: // double precision
    case 1700: // numeric: sums of bigint
      return toNumber;
    default:
      return (text) => text;
  }
}

function toNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && !/[e.]/.test(text)) {
    throw new DatabaseError('statement', 'a whole number beyond 2^53 was read');
  }
  return value;
}

/** "The current transaction is aborted": some statement before this one is to blame. */
function isAftermath(error: unknown): boolean {
  return error instanceof DatabaseError && error.cause instanceof Error && 'code' in error.cause && error.cause.code === '25P02';
}

function isUnavailable(error: unknown): boolean {
  return error instanceof DatabaseError && error.fault === 'unavailable';
}
