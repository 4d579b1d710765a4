/** A single node's own database moves into an empty installation, by `kirogate import`. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { journalLeftovers } from '../app/leftovers.js';
import { lockDataDir } from '../app/nodeLock.js';
import { type Dump, openDump } from '../commands/installation/dump.js';
import { type Loaded, loadInstallation } from '../commands/installation/load.js';
import { MigrationFault } from '../commands/migration/fault.js';
import type { ReadOnlySqlite } from '../infra/database/readOnlySqlite.js';
import { progressBar } from './progressBar.js';
import { printJson, printTable } from './store.js';
import { type Target, withTarget } from './target.js';
import { vaultIfAny } from './vaultIfAny.js';

interface Options {
  readonly dryRun?: true;
  readonly json?: true;
  readonly dataDir?: string;
}

/** Archive with all positions, read models and vault; proven before it is committed. Throws MigrationFault. */
export async function moveOwn(source: ReadOnlySqlite, options: Options): Promise<void> {
  if (options.dryRun) throw new MigrationFault(null, "--dry-run is for an old KiroGate's file; this one is copied whole, or not at all");
  const dataDir = resolve(options.dataDir ?? dirname(source.path));
  const release = await holdSource(dataDir);
  try {
    const damage = await source.damage();
    if (damage !== null) throw new MigrationFault(damage.table, `${source.path} is damaged: ${damage.reason}`);
    const dump = await openDump(source);
    const done = await withTarget(async (target) => {
      if (target.db.engine === 'sqlite' && resolve(target.config.sqlitePath) === resolve(source.path)) {
        throw new MigrationFault(null, 'the file is the database of this installation itself; point DATABASE_URL at the new one');
      }
      return { loaded: await copyOver(dump, target), target };
    }, dump.facts.eventPartitions);
    tellLoaded(done.loaded, done.target, options.json === true);
  } finally {
    await release();
  }
}

/** No node may run on the source, nor leave events that are not in the file yet. */
async function holdSource(dataDir: string): Promise<() => Promise<void>> {
  const release = existsSync(join(dataDir, 'node.lock')) ? await lockDataDir(dataDir) : async () => undefined;
  try {
    const { events, requests } = await journalLeftovers(dataDir);
    if (events + requests === 0) return release;
    throw new MigrationFault(
      null,
      `the node of ${dataDir} did not stop in order: ${events} events and ${requests} requests are not in its database yet; start it once and stop it (SIGTERM)`,
    );
  } catch (error) {
    await release();
    throw error;
  }
}

async function copyOver(dump: Dump, { db, config }: Target): Promise<Loaded> {
  const bar = progressBar('move');
  const total = Object.values(dump.facts.heads).reduce((sum, { position }) => sum + position, 0);
  let events = 0;
  const vault = await vaultIfAny(config);
  return loadInstallation(dump, {
    db,
    vault,
    onProgress({ table, rows }) {
      if (table !== 'archive') return;
      events += rows;
      bar?.(events, total, 'events');
    },
  });
}

/** What arrived, as restore and move tell it once it is committed. */
export function tellLoaded({ tables, heads, eventPartitions }: Loaded, { where, config }: Target, json: boolean): void {
  if (json) return printJson({ status: 'completed', target: where, eventPartitions, tables, heads });
  printTable(
    ['table', 'rows', 'checksum'],
    Object.entries(tables).map(([table, { rows, sum }]) => [table, rows, sum.slice(0, 16)]),
  );
  process.stdout.write('\n');
  printTable(
    ['partition', 'position', 'hash'],
    Object.entries(heads).map(([partition, { position, hash }]) => [partition, position, hash.slice(0, 16)]),
  );
  process.stdout.write(
    `\nall of it was read back from ${where} and equals the source; prove the read models with: kirogate projections verify\n`,
  );
  if (eventPartitions !== config.EVENT_PARTITIONS)
    process.stdout.write(`the source was made with EVENT_PARTITIONS=${eventPartitions}, and so is this: start its nodes with that\n`);
}
