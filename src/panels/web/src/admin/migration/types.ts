/** A move into this installation as the API answers it. */

export interface Migration {
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rowsDone: number;
  readonly rowsTotal: number;
  readonly status: string;
  readonly error?: { readonly table: string | null; readonly reason: string } | null;
  /** What became of each row, once it is completed. */
  readonly report?: Report;
}

export interface Report {
  readonly dryRun: boolean;
  readonly tables: readonly {
    readonly table: string;
    readonly rows: number;
    readonly imported: number;
    readonly matched: number;
    readonly passedOver: number;
  }[];
  readonly passedOver: readonly { readonly table: string; readonly id: string; readonly reason: string }[];
  readonly notes: readonly { readonly table: string; readonly id: string; readonly note: string }[];
  readonly warnings: readonly string[];
}

export const migrationsPath = '/admin/api/migrations';

export const failed = ({ status, error }: Migration): boolean => status === 'failed' || (error !== undefined && error !== null);
export const completed = (migration: Migration): boolean =>
  !failed(migration) && (migration.status === 'completed' || migration.status === 'done');
export const ended = (migration: Migration): boolean => failed(migration) || completed(migration);
