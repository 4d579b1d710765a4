/** Checksums of tables that depend neither on the order of rows nor on the engine that holds them. */
import { createHash } from 'node:crypto';

export interface TableSum {
  readonly rows: number;
  /** Sum of the rows' SHA-256 modulo 2^256, hex: what is missing, added twice or changed shows. */
  readonly sum: string;
}

export type Cell = string | number | null;

export interface Sums {
  add(table: string, columns: readonly string[], rows: readonly (readonly Cell[])[]): void;
  /** By table, in the order of names; tables without rows are left out. */
  result(): Readonly<Record<string, TableSum>>;
}

const MODULUS = 1n << 256n;

export function createSums(): Sums {
  const found = new Map<string, { rows: number; sum: bigint }>();
  return {
    add(table, columns, rows) {
      if (rows.length === 0) return;
      const entry = found.get(table) ?? { rows: 0, sum: 0n };
      const head = `${table}\n${columns.join(',')}\n`;
      for (const row of rows) {
        const digest = createHash('sha256').update(head).update(JSON.stringify(row)).digest('hex');
        entry.sum = (entry.sum + BigInt(`0x${digest}`)) % MODULUS;
      }
      entry.rows += rows.length;
      found.set(table, entry);
    },
    result: () =>
      Object.fromEntries(
        [...found]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([table, { rows, sum }]) => [table, { rows, sum: sum.toString(16).padStart(64, '0') }]),
      ),
  };
}

/** The first table that differs, or null. */
export function differingTable(a: Readonly<Record<string, TableSum>>, b: Readonly<Record<string, TableSum>>): string | null {
  for (const table of new Set([...Object.keys(a), ...Object.keys(b)]))
    if (a[table]?.sum !== b[table]?.sum || a[table]?.rows !== b[table]?.rows) return table;
  return null;
}
