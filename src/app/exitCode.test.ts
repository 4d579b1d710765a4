import { describe, expect, it } from 'vitest';
import { ConfigError } from '../config.js';
import { StoreUnreachable } from '../errors.js';
import { DatabaseError } from '../infra/database/errors.js';
import { MigrationError } from '../infra/database/migrate.js';
import { explainPostgres } from '../infra/database/postgresErrors.js';
import { exitCodeOf } from './exitCode.js';

const postgres = (code: string): DatabaseError => explainPostgres('h:5432/d', Object.assign(new Error('why'), { code }));

describe('the exit code of a start that failed', () => {
  it.each<[string, unknown, number]>([
    ['faults of the environment', new ConfigError(['PORT']), 78],
    ['a schema of a newer build, or another number of partitions', new MigrationError('newer'), 78],
    ['a role without a right', postgres('42501'), 78],
    ['a role without a right in a migration', new MigrationError('failed', { cause: postgres('42501') }), 78],
    ['a role that may use no schema', postgres('3F000'), 78],
    [
      'a file that is no database',
      new DatabaseError('unavailable', 'x', { cause: Object.assign(new Error('x'), { code: 'SQLITE_NOTADB' }) }),
      78,
    ],
    ['a store out of reach', new StoreUnreachable('gone'), 69],
    ['a database that goes away while the node starts', postgres('57P01'), 69],
    ['a database that goes away in a migration', new MigrationError('failed', { cause: postgres('ECONNRESET') }), 69],
    ['a migration that does not work', new MigrationError('failed', { cause: postgres('42601') }), 70],
    ['anything else', new TypeError('x is not a function'), 70],
    ['what is no error at all', 'oh', 70],
  ])('%s', (_name, error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});
