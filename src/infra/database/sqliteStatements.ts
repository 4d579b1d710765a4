/**
 * Statements of one SQLite connection that stay prepared. `@databases/sqlite` prepares each time, which is a second hop to a thread
 * and the planner's work: half of what a small upsert costs. Its connection holds the driver's (`sqlite3`), which can keep them.
 */
import type { DatabaseConnection } from '@databases/sqlite';
import type { SQLQuery } from './port.js';

/** What is used of `sqlite3`'s Statement and Database. */
interface Statement {
  all(values: readonly unknown[], done: (error: Error | null, rows: unknown[]) => void): void;
  finalize(done: () => void): void;
}
interface Driver {
  prepare(text: string, done: (error: Error | null) => void): Statement;
}

export interface Statements {
  /** One at a time. */
  query(query: SQLQuery): Promise<unknown[]>;
  /** The connection can be closed only after that. */
  close(): Promise<void>;
}

/** A batch of ingest has some forty texts, commands each a few of their own. */
const KEPT = 200;

/** null: the connection is built in another way than this code knows. */
export function createStatements(connection: DatabaseConnection): Statements | null {
  const driver = driverOf(connection);
  if (driver === null) return null;
  /** The one used longest ago comes first. */
  const kept = new Map<string, Statement>();

  async function prepared(text: string): Promise<Statement> {
    const known = kept.get(text);
    if (known) {
      kept.delete(text);
      kept.set(text, known);
      return known;
    }
    const statement = await prepare(driver as Driver, text);
    kept.set(text, statement);
    const [oldest] = kept;
    if (kept.size > KEPT && oldest) {
      kept.delete(oldest[0]);
      await finalized(oldest[1]);
    }
    return statement;
  }

  return {
    async query(query) {
      const { text, values } = query.format(format);
      const statement = await prepared(text);
      return new Promise((resolve, reject) => {
        statement.all(values, (error, rows) => (error === null ? resolve(rows) : reject(error)));
      });
    },
    async close() {
      const all = [...kept.values()];
      kept.clear();
      await Promise.all(all.map(finalized));
    },
  };
}

const format = {
  escapeIdentifier: (name: string) => `"${name.replaceAll('"', '""')}"`,
  formatValue: (value: unknown) => ({ placeholder: '?', value }),
};

function driverOf(connection: DatabaseConnection): Driver | null {
  const { _database: inner } = connection as unknown as { readonly _database?: Partial<Driver> };
  return typeof inner?.prepare === 'function' ? (inner as Driver) : null;
}

/** A statement that could not be prepared never answers: that has to be known first. */
function prepare(driver: Driver, text: string): Promise<Statement> {
  return new Promise((resolve, reject) => {
    const statement = driver.prepare(text, (error) => (error === null ? resolve(statement) : reject(error)));
  });
}

const finalized = (statement: Statement): Promise<void> => new Promise((resolve) => statement.finalize(resolve));
