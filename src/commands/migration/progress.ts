/** How far an import is, for whoever watches it. */
import type { OldInstallation, TakenTable } from './old/read.js';
import type { PlannedRow } from './plan.js';

export interface Progress {
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rowsDone: number;
  readonly rowsTotal: number;
}

export const rowsOfAll = (old: OldInstallation): number => [...old.tables.values()].reduce((sum, rows) => sum + rows.length, 0);

export interface ProgressCount {
  restart(): void;
  /** Rows that need nothing are done at once. */
  skip(planned: readonly PlannedRow[]): void;
  add(rows: readonly PlannedRow[]): void;
  finish(): void;
  /** Where most rows were to go; null: nothing was to be written yet. What fails at the end of the transaction concerns it most. */
  heaviest(): TakenTable | null;
}

export function createProgress(old: OldInstallation, tell: ((progress: Progress) => void) | undefined): ProgressCount {
  const rowsTotal = rowsOfAll(old);
  const tablesTotal = old.tables.size;
  let left = new Map<TakenTable, number>();
  let heaviest: TakenTable | null = null;
  let rowsDone = 0;
  const report = (): void => {
    const waiting = [...left.values()].filter((rows) => rows > 0).length;
    tell?.({ tablesDone: tablesTotal - waiting, tablesTotal, rowsDone, rowsTotal });
  };
  return {
    restart() {
      rowsDone = 0;
      heaviest = null;
      left = new Map([...old.tables].map(([table, rows]) => [table, rows.length]));
      report();
    },
    skip(planned) {
      left = new Map();
      for (const { table } of planned) left.set(table, (left.get(table) ?? 0) + 1);
      heaviest = [...left].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? null;
      rowsDone = rowsTotal - planned.length;
      report();
    },
    add(rows) {
      for (const { table } of rows) left.set(table, (left.get(table) ?? 0) - 1);
      rowsDone += rows.length;
      report();
    },
    finish() {
      left = new Map();
      rowsDone = rowsTotal;
      report();
    },
    heaviest: () => heaviest,
  };
}
