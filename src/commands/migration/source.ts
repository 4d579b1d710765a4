/** Finds out what a file is before anything is taken from it. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openReadOnlySqlite, type ReadOnlySqlite } from '../../infra/database/readOnlySqlite.js';
import { SqliteFileError } from '../../infra/database/readOnlySqliteError.js';
import { APPLICATION_ID } from '../../infra/database/sqlite.js';
import { MigrationFault } from './fault.js';
import { kindOf } from './old/read.js';

export interface Source {
  /** `old`: a KiroGate from before. `own`: of this product. */
  readonly kind: 'old' | 'own';
  readonly main: ReadOnlySqlite;
  readonly metrics: ReadOnlySqlite | null;
  close(): Promise<void>;
}

/**
 * `metrics`: path of the old metrics.db; null: none is looked for; undefined: the one beside `path`, where there is one.
 * Throws MigrationFault for what is no database, or another program's.
 */
export async function openSource(path: string, metrics?: string | null): Promise<Source> {
  const main = await openFile(path);
  try {
    if (main.applicationId === APPLICATION_ID) return { kind: 'own', main, metrics: null, close: () => main.close() };
    const tables = await main.tables();
    const kind = kindOf(tables);
    if (kind === 'metrics')
      throw new MigrationFault(null, `${path} is the old metrics.db; name the main database and give this one beside it`);
    if (kind === 'other') {
      const some = [...tables.keys()].slice(0, 5).join(', ');
      throw new MigrationFault(null, `${path} is no KiroGate database: it holds ${some === '' ? 'no tables' : `other tables (${some})`}`);
    }
    const beside = join(dirname(path), 'metrics.db');
    const second = metrics === undefined ? (existsSync(beside) ? beside : null) : metrics;
    const opened = second === null ? null : await openFile(second);
    const close = async (): Promise<void> => {
      await main.close();
      await opened?.close();
    };
    return { kind: 'old', main, metrics: opened, close };
  } catch (error) {
    await main.close();
    throw error;
  }
}

async function openFile(path: string): Promise<ReadOnlySqlite> {
  try {
    return await openReadOnlySqlite(path);
  } catch (error) {
    if (error instanceof SqliteFileError) throw new MigrationFault(null, error.message, { cause: error });
    throw error;
  }
}
