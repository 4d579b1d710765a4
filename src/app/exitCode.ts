/** The exit code of a start that failed (contract §2 and §4): whose turn is it, the store's, the operator's or ours? */
import { ConfigError } from '../config.js';
import { StoreUnreachable } from '../errors.js';
import { DatabaseError } from '../infra/database/errors.js';
import { MigrationError } from '../infra/database/migrate.js';

/** A role without a right, or without a schema; a file that is no database, or that may not be used. */
const OF_THE_OPERATOR = /^(42501|3F000|SQLITE_(NOTADB|CANTOPEN|READONLY)|E(ACCES|PERM|ROFS|NOTDIR|ISDIR))$/;

/** 69: a store is out of reach. 78: the configuration, or what it points at, has to be changed. 70: a fault of ours. */
export function exitCodeOf(error: unknown): 69 | 70 | 78 {
  const causes = causesOf(error);
  if (causes.some((one) => one instanceof ConfigError || OF_THE_OPERATOR.test(codeOf(one)))) return 78;
  if (causes.some((one) => one instanceof StoreUnreachable || (one instanceof DatabaseError && one.transient))) return 69;
  // A migration that failed has a cause; without one the database is another's, a newer build's or made with other settings.
  return error instanceof MigrationError && error.cause === undefined ? 78 : 70;
}

function causesOf(error: unknown): readonly Error[] {
  const found: Error[] = [];
  for (let one = error; one instanceof Error && !found.includes(one); one = one.cause) found.push(one);
  return found;
}

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '');
