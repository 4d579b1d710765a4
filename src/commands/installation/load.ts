/** Puts an installation into an empty one, in one transaction, and proves before the end that everything arrived. */
import { type ArchiveRow, archiveColumnNames, insertArchiveRows, setHead } from '../../events/archiveCopy.js';
import { type PartitionHead, partitionHeads } from '../../events/archiveHeads.js';
import { databaseNow } from '../../infra/database/databaseNow.js';
import { type Database, type Queryable, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';
import { keyIdOf, type Vault, VaultError } from '../../infra/vault.js';
import { bearPauses, lockPartitions } from '../../projections/runner/locks.js';
import { atTable, MigrationFault } from '../migration/fault.js';
import { secretAad } from '../token/credentials.js';
import { type Chunk, type Facts, openDump, readFacts } from './dump.js';
import { readShapes, type Shape } from './shapes.js';
import { createSums, differingTable, type TableSum } from './sums.js';

export interface LoadSource {
  readonly facts: Facts;
  chunks(): AsyncIterable<Chunk>;
  /** Once `chunks` has ended: what it ought to have given. Throws when the source turns out damaged. */
  sums(): Readonly<Record<string, TableSum>>;
}

export interface LoadOptions {
  readonly db: Database;
  /** null: the environment gives no key; refused where credentials are to be loaded. */
  readonly vault: Vault | null;
  readonly onProgress?: (progress: { readonly table: string; readonly rows: number }) => void;
}

export interface Loaded {
  readonly tables: Readonly<Record<string, TableSum>>;
  readonly heads: Readonly<Record<string, PartitionHead>>;
  /** As in the source. */
  readonly eventPartitions: number;
}

/** How long the server lets the transaction rest between statements, while a slow disk gives the next page. */
const IDLE_MS = 60_000;
/** As `cluster/nodeRun.ts`: a run whose sign is older is dead. */
const DEAD_AFTER_MS = 15_000;

/** Throws MigrationFault; then the target is as it was. `db` has this build's schema. */
export async function loadInstallation(source: LoadSource, options: LoadOptions): Promise<Loaded> {
  return options.db.tx(async (tx) => {
    try {
      await prepare(tx, source.facts, options.vault);
      await copy(tx, source, options);
      return await prove(tx, source);
    } catch (error) {
      throw atTable(null, error);
    }
  });
}

async function prepare(tx: Queryable, facts: Facts, vault: Vault | null): Promise<void> {
  await lockPartitions(tx, 'all');
  await bearPauses(tx, IDLE_MS);
  const mine = await readFacts(tx);
  if (facts.schema !== mine.schema) {
    const what =
      facts.schema < mine.schema ? 'older: bring it to this build first (kirogate migrate)' : 'newer: use the build that wrote it';
    throw new MigrationFault(null, `the source has schema version ${facts.schema}, this build ${mine.schema}; it is ${what}`);
  }
  if (facts.eventPartitions !== mine.eventPartitions) {
    throw new MigrationFault(
      null,
      `the source has EVENT_PARTITIONS=${facts.eventPartitions}, the target ${mine.eventPartitions}; give a new, empty database and set EVENT_PARTITIONS=${facts.eventPartitions}`,
    );
  }
  await mustBeEmpty(tx, mine);
  mustHaveKeys(facts, vault);
}

async function mustBeEmpty(tx: Queryable, mine: Facts): Promise<void> {
  const running = await tx.query<{ node_id: string }>(
    sql`select node_id from node_runs where seen_at > ${databaseNow(tx.engine)} - cast(${DEAD_AFTER_MS} as bigint)`,
  );
  if (running.length > 0)
    throw new MigrationFault(null, `nodes run on the target (${running.map(({ node_id }) => node_id).join(', ')}); stop them first`);
  const events = Object.values(mine.heads).reduce((sum, { position }) => sum + position, 0);
  if (events > 0) throw new MigrationFault(null, `the target is not empty: its archive holds ${events} events; give a new, empty database`);
  for (const { table } of await readShapes(tx)) {
    const rows = await tx.query(sql`select 1 as one from ${sql.ident(table)} limit 1`);
    if (rows.length > 0) throw new MigrationFault(table, 'the target is not empty; give a new, empty database');
  }
}

function mustHaveKeys({ keyIds }: Facts, vault: Vault | null): void {
  const unknown = keyIds.filter((keyId) => vault?.keyIds.includes(keyId) !== true);
  if (unknown.length === 0) return;
  const what = vault === null ? 'there is no TOKEN_ENCRYPT_KEY' : `TOKEN_ENCRYPT_KEY (key ${vault.keyId}) is not the key of the source`;
  throw new MigrationFault(
    'vault_credentials',
    `${what}, whose credentials are under key ${unknown.join(', ')}: give the source's TOKEN_ENCRYPT_KEY, or its secrets.json`,
  );
}

async function copy(tx: Queryable, source: LoadSource, { vault, onProgress }: LoadOptions): Promise<void> {
  const shapes = new Map((await readShapes(tx)).map((shape) => [shape.table, shape]));
  const heads = new Map(await partitionHeads(tx));
  for await (const chunk of source.chunks()) {
    try {
      if (chunk.table === 'archive') await copyArchive(tx, chunk, heads);
      else await copyRows(tx, chunk, shapes.get(chunk.table));
      if (chunk.table === 'vault_credentials' && vault !== null) mustOpen(chunk, vault);
    } catch (error) {
      throw atTable(chunk.table, error);
    }
    onProgress?.({ table: chunk.table, rows: chunk.rows.length });
  }
  for (const [partition, head] of heads) await setHead(tx, partition, head);
}

async function copyArchive(tx: Queryable, { columns, rows }: Chunk, heads: Map<string, PartitionHead>): Promise<void> {
  if (columns.join() !== archiveColumnNames.join()) throw new Error('its columns are not those of this build');
  const archived = rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null])) as unknown as ArchiveRow);
  const partition = archived[0]?.partition ?? '';
  const head = heads.get(partition);
  if (head === undefined) throw new Error(`there is no partition ${partition} here`);
  heads.set(partition, await insertArchiveRows(tx, archived, head));
}

async function copyRows(tx: Queryable, { columns, rows }: Chunk, shape: Shape | undefined): Promise<void> {
  if (shape === undefined) throw new Error('this build has no such table');
  const unknown = columns.find((name) => shape.columns[name] === undefined);
  if (unknown !== undefined) throw new Error(`this build has no column ${unknown}`);
  const types = Object.fromEntries(columns.map((name) => [name, shape.columns[name] ?? 'text']));
  const objects = rows.map((row) =>
    Object.fromEntries(
      columns.map((name, index) => [name, types[name] === 'boolean' && row[index] !== null ? Boolean(row[index]) : row[index]]),
    ),
  );
  const list = sql.join(
    columns.map((name) => sql.ident(name)),
    ', ',
  );
  await tx.query(sql`insert into ${sql.ident(shape.table)} (${list}) ${rowsOf(tx.engine, types, objects)}`);
}

/** The key's id is a short name: one record that opens proves the key. */
function mustOpen({ columns, rows }: Chunk, vault: Vault): void {
  const [row] = rows;
  const at = (name: string): string => String(row?.[columns.indexOf(name)]);
  try {
    vault.open(at('secret_enc'), secretAad(at('token_id')));
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    throw new Error(`a credential under key ${keyIdOf(at('secret_enc'))} does not open: ${error.message}`, { cause: error });
  }
}

/** Reads everything back. */
async function prove(tx: Queryable, source: LoadSource): Promise<Loaded> {
  const wanted = source.sums();
  const copied = await openDump(tx);
  const sums = createSums();
  for await (const { table, columns, rows } of copied.chunks()) sums.add(table, columns, rows);
  const tables = sums.result();
  const differs = differingTable(wanted, tables);
  if (differs !== null) throw new MigrationFault(differs, 'what arrived differs from the source');
  for (const [partition, head] of Object.entries(source.facts.heads)) {
    const here = copied.facts.heads[partition];
    if (here?.position !== head.position || here.hash !== head.hash) {
      throw new MigrationFault('archive', `${partition} ends at ${here?.position ?? 0} here and at ${head.position} in the source`);
    }
  }
  return { tables, heads: copied.facts.heads, eventPartitions: copied.facts.eventPartitions };
}
