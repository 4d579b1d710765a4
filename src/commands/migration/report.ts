/** What a migration did and did not do, for people and scripts; bounded, and without a secret. */

export type RowOutcome = 'imported' | 'matched' | 'passedOver';

export interface TableReport {
  readonly table: string;
  readonly rows: number;
  imported: number;
  /** Here already, and left as it is. */
  matched: number;
  passedOver: number;
}

export interface MigrationReport {
  readonly dryRun: boolean;
  readonly tables: readonly TableReport[];
  /** Ids that were taken here: the row has another one now. */
  readonly mapped: readonly { readonly table: string; readonly from: string; readonly to: string }[];
  /** Rows that were not taken. */
  readonly passedOver: readonly { readonly table: string; readonly id: string; readonly reason: string }[];
  /** Rows that were taken, but for something. */
  readonly notes: readonly { readonly table: string; readonly id: string; readonly note: string }[];
  /** Tokens that wait for a health check before they serve. */
  readonly recheck: readonly string[];
  /** Tables that stay behind, whole or in part. */
  readonly left: readonly { readonly table: string; readonly rows: number; readonly why: string }[];
  readonly warnings: readonly string[];
  /** Entries beyond the bound, by list. */
  readonly more: Readonly<Record<string, number>>;
}

const MOST = 1_000;

export interface Reporter {
  count(table: string, outcome: RowOutcome): void;
  mapped(table: string, from: string, to: string): void;
  passOver(table: string, id: string, reason: string): void;
  note(table: string, id: string, note: string): void;
  recheck(tokenId: string): void;
  warn(text: string): void;
  finish(left: MigrationReport['left'], dryRun: boolean): MigrationReport;
}

export function createReporter(tables: readonly { readonly table: string; readonly rows: number }[]): Reporter {
  const counts = new Map(tables.map(({ table, rows }) => [table, { table, rows, imported: 0, matched: 0, passedOver: 0 }]));
  const lists = { mapped: [], passedOver: [], notes: [], recheck: [], warnings: [] } as {
    mapped: MigrationReport['mapped'][number][];
    passedOver: MigrationReport['passedOver'][number][];
    notes: MigrationReport['notes'][number][];
    recheck: string[];
    warnings: string[];
  };
  const more: Record<string, number> = {};
  function add<K extends keyof typeof lists>(name: K, item: (typeof lists)[K][number]): void {
    const list = lists[name] as unknown[];
    if (list.length < MOST) list.push(item);
    else more[name] = (more[name] ?? 0) + 1;
  }
  const count = (table: string, outcome: RowOutcome): void => {
    const found = counts.get(table);
    if (found) found[outcome] += 1;
  };
  return {
    count,
    mapped: (table, from, to) => add('mapped', { table, from, to }),
    passOver(table, id, reason) {
      count(table, 'passedOver');
      add('passedOver', { table, id, reason });
    },
    note: (table, id, note) => add('notes', { table, id, note }),
    recheck: (tokenId) => add('recheck', tokenId),
    warn: (text) => add('warnings', text),
    finish: (left, dryRun) => ({ dryRun, tables: [...counts.values()], ...lists, left, more }),
  };
}
