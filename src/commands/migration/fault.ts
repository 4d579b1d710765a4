/** Why a migration ended: the table and the reason, in words for the operator. Nothing of the run was kept. */
import { DatabaseError } from '../../infra/database/errors.js';

export class MigrationFault extends Error {
  override readonly name = 'MigrationFault';

  constructor(
    /** The table at fault, or null where it is the file or the target as a whole. */
    readonly table: string | null,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(table === null ? reason : `table ${table}: ${reason}`, options);
  }
}

/** Names the table for whatever was thrown while it was at work. */
export function atTable(table: string | null, error: unknown): MigrationFault {
  if (error instanceof MigrationFault) return error;
  return new MigrationFault(table, error instanceof Error ? error.message : String(error), { cause: error });
}

/** Collisions of transactions are tried again as a whole; everything else is final. */
export function rethrowBusy(error: unknown): void {
  if (error instanceof DatabaseError && error.fault === 'busy') throw error;
}
