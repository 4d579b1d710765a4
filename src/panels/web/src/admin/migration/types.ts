/** A move into this installation as the API answers it. */

export interface Migration {
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rowsDone: number;
  readonly rowsTotal: number;
  readonly status: string;
  readonly error?: { readonly table: string | null; readonly reason: string } | null;
}

export const migrationsPath = '/admin/api/migrations';

export const failed = ({ status, error }: Migration): boolean => status === 'failed' || (error !== undefined && error !== null);
export const completed = (migration: Migration): boolean =>
  !failed(migration) && (migration.status === 'completed' || migration.status === 'done');
export const ended = (migration: Migration): boolean => failed(migration) || completed(migration);
