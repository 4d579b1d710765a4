/** Tables of things with a life: put, changed in part, removed; fed by the control partition alone, in its order. */
import { type Queryable, sql } from '../infra/database/port.js';
import { type ColumnType, rowsOf } from '../infra/database/rows.js';
import { type Columns, identifiers, type Row } from './accumulate.js';
import type { TableName } from './define.js';

/** `row` holds all columns for `put`, some for `patch`. */
interface Change {
  readonly kind: 'put' | 'patch' | 'remove';
  readonly row: Row;
}

/** What a batch does to each row, by id. */
export type Changes = Map<string, Change>;

export interface PatchedTable {
  readonly table: string;
  /** The row as a whole. */
  put(changes: Changes, id: string, row: Row): void;
  /** Some columns of a row that is there; nothing when it is not. */
  patch(changes: Changes, id: string, row: Row): void;
  remove(changes: Changes, id: string): void;
  flush(changes: Changes, tx: Queryable, table: TableName): Promise<void>;
}

/** `columns` without the key, which is a text column. */
export function patchedTable(spec: { readonly table: string; readonly key: string; readonly columns: Columns }): PatchedTable {
  const all: Columns = { [spec.key]: 'text', ...spec.columns };
  const key = sql.ident(spec.key);
  const replace = sql.join(
    Object.keys(spec.columns).map((name) => sql`${sql.ident(name)} = excluded.${sql.ident(name)}`),
    ', ',
  );

  return {
    table: spec.table,
    put: (changes, id, row) => void changes.set(id, { kind: 'put', row: { ...row, [spec.key]: id } }),
    patch(changes, id, row) {
      const known = changes.get(id);
      if (known?.kind === 'remove') return;
      changes.set(id, { kind: known?.kind ?? 'patch', row: { ...known?.row, ...row, [spec.key]: id } });
    },
    remove: (changes, id) => void changes.set(id, { kind: 'remove', row: { [spec.key]: id } }),
    async flush(changes, tx, table) {
      const name = table(spec.table);
      const groups = grouped(changes);
      const removed = groups.get('remove');
      if (removed) await tx.query(sql`delete from ${name} where ${key} in (${rowsOf(tx.engine, { [spec.key]: 'text' }, removed)})`);
      const put = groups.get('put');
      if (put)
        await tx.query(
          sql`insert into ${name} (${identifiers(Object.keys(all))}) ${rowsOf(tx.engine, all, put)} on conflict (${key}) do update set ${replace}`,
        );
      for (const [group, rows] of groups) {
        if (group === 'remove' || group === 'put') continue;
        const columns = group.split(',');
        const set = sql.join(
          columns.map((column) => sql`${sql.ident(column)} = r.${sql.ident(column)}`),
          ', ',
        );
        const types: Record<string, ColumnType> = { [spec.key]: 'text' };
        for (const column of columns) types[column] = spec.columns[column] ?? 'text';
        await tx.query(sql`update ${name} as t set ${set} from (${rowsOf(tx.engine, types, rows)}) as r where t.${key} = r.${key}`);
      }
    },
  };

  /** Patches that change the same columns go in one statement. */
  function grouped(changes: Changes): Map<string, Row[]> {
    const groups = new Map<string, Row[]>();
    for (const [, { kind, row }] of [...changes].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const group =
        kind === 'patch'
          ? Object.keys(spec.columns)
              .filter((name) => name in row)
              .join(',')
          : kind;
      const rows = groups.get(group);
      if (rows) rows.push(row);
      else groups.set(group, [row]);
    }
    return groups;
  }
}
