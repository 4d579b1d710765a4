/** `kirogate replay <subject>`: folds what concerns one subject up to a moment, and shows what each event changed. */
import type { Command } from 'commander';
import pino from 'pino';
import { migrationsDir } from '../app/package.js';
import { readArchive } from '../events/archive.js';
import type { StoredEvent } from '../events/define.js';
import { migrate } from '../infra/database/migrate.js';
import { type Database, type Queryable, sql } from '../infra/database/port.js';
import { openSqlite } from '../infra/database/sqlite.js';
import { projections } from '../projections/index.js';
import { applyEvents } from '../projections/runner/apply.js';
import { systemClock } from '../shared/clock.js';
import { timeOf } from './events.js';
import { printJson, withDatabase } from './store.js';

interface Options {
  until?: string;
  json?: true;
}

/** Row by `<table> <key>`, each a flat object. */
type State = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

export interface Step {
  readonly cursor: string;
  readonly at: string;
  readonly type: string;
  readonly subject: string;
  readonly actor: string;
  readonly changes: readonly { readonly row: string; readonly column: string; readonly from: unknown; readonly to: unknown }[];
}

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description('fold one subject up to a moment and show what each event changed')
    .argument('<subject>', 'token/<id>, user/<id> or key/<id>')
    .option('--until <time>', 'ISO 8601 time; default: now')
    .option('--json', 'print steps and state as JSON')
    .action(replay);
}

async function replay(subject: string, options: Options): Promise<void> {
  const [aggregate, id] = subject.split('/');
  if (!id || !['token', 'user', 'key'].includes(aggregate ?? '')) throw new Error(`${subject} is none of token/<id>, user/<id>, key/<id>`);
  await withDatabase(async (db, config) => {
    const scratch = await openSqlite({ path: ':memory:' });
    try {
      const logger = pino({ level: 'silent' });
      await migrate(scratch, { dir: migrationsDir, eventPartitions: config.EVENT_PARTITIONS, clock: systemClock, logger });
      const outcome = await inspect(db, scratch, aggregate ?? '', id, options.until === undefined ? undefined : timeOf(options.until));
      if (outcome.steps.length === 0) throw new Error(`the archive knows nothing of ${subject}`);
      if (options.json) printJson({ subject, steps: outcome.steps, state: Object.fromEntries(outcome.state) });
      else print(outcome);
    } finally {
      await scratch.close();
    }
  });
}

/** The same projector code that serves, over a scratch database that starts empty. */
export async function inspect(
  db: Database,
  scratch: Database,
  aggregate: string,
  id: string,
  until: number | undefined,
): Promise<{ steps: Step[]; state: State }> {
  const tables = await tablesOf(scratch, aggregate);
  const steps: Step[] = [];
  let state: State = new Map();
  let after: string | undefined;
  for (;;) {
    const page = await readArchive(db, { ...(after !== undefined && { after }), ...(until !== undefined && { to: until }), limit: 500 });
    for (const { event, cursor } of page.items) {
      if (!concerns(event, aggregate, id)) continue;
      await scratch.tx((tx) => applyEvents(tx, [event]));
      const next = await stateOf(scratch, tables, id);
      steps.push(stepOf(event, cursor, state, next));
      state = next;
    }
    if (page.next === null) return { steps, state };
    after = page.next;
  }
}

/** Its own events, and those of others that name it. */
function concerns(event: StoredEvent, aggregate: string, id: string): boolean {
  if (event.subject === `${aggregate}/${id}`) return true;
  const data = event.data as Record<string, unknown> | null;
  if (data?.[`${aggregate}Id`] === id || (aggregate === 'user' && data?.['ownerId'] === id)) return true;
  const attempts = data?.['attempts'];
  return aggregate === 'token' && Array.isArray(attempts) && attempts.some((attempt: { tokenId?: unknown }) => attempt.tokenId === id);
}

interface Table {
  readonly name: string;
  readonly key: readonly string[];
  /** The column that holds the subject's id. */
  readonly column: string;
}

const ownTable: Readonly<Record<string, string>> = { token: 'tokens', user: 'users', key: 'api_keys' };

async function tablesOf(db: Queryable, aggregate: string): Promise<Table[]> {
  const found: Table[] = [];
  for (const { name, key } of projections.flatMap((projection) => projection.tables)) {
    const columns = await db.query<{ name: string }>(sql`select name from pragma_table_info(${name})`);
    const column = name === ownTable[aggregate] ? 'id' : `${aggregate}_id`;
    if (columns.some((one) => one.name === column)) found.push({ name, key, column });
  }
  return found;
}

async function stateOf(db: Queryable, tables: readonly Table[], id: string): Promise<State> {
  const state = new Map<string, Record<string, unknown>>();
  for (const { name, key, column } of tables) {
    const rows = await db.query<Record<string, unknown>>(sql`select * from ${sql.ident(name)} where ${sql.ident(column)} = ${id}`);
    for (const row of rows) state.set([name, ...key.map((part) => String(row[part]))].join(' '), row);
  }
  return state;
}

function stepOf(event: StoredEvent, cursor: string, before: State, after: State): Step {
  const changes: Step['changes'][number][] = [];
  for (const row of new Set([...before.keys(), ...after.keys()])) {
    const from = before.get(row) ?? {};
    const to = after.get(row) ?? {};
    for (const column of new Set([...Object.keys(from), ...Object.keys(to)])) {
      if (column === 'position' || from[column] === to[column] || (from[column] ?? null) === (to[column] ?? null)) continue;
      changes.push({ row, column, from: from[column] ?? null, to: to[column] ?? null });
    }
  }
  return { cursor, at: new Date(event.time).toISOString(), type: event.type, subject: event.subject, actor: event.actor, changes };
}

function print({ steps, state }: { steps: readonly Step[]; state: State }): void {
  for (const step of steps) {
    process.stdout.write(`${step.at}  ${step.type}  ${step.subject}  by ${step.actor}\n`);
    for (const { row, column, from, to } of step.changes) {
      process.stdout.write(`    ${row} · ${column}: ${JSON.stringify(from)} → ${JSON.stringify(to)}\n`);
    }
  }
  process.stdout.write(`\nState after ${steps.length} events\n`);
  for (const [row, values] of state) process.stdout.write(`  ${row}  ${JSON.stringify(values)}\n`);
}
