/** The doctor's look at the database of either engine, in one snapshot: schema, partitions, file, archive, keys. Nothing is written. */
import { existsSync, statSync } from 'node:fs';
import { migrationsDir } from '../../app/package.js';
import type { Config } from '../../config.js';
import { partitionHeads, verifyArchive } from '../../events/archive.js';
import { readSchemaState, type SchemaState } from '../../infra/database/migrate.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { withinTransaction } from '../../infra/database/withinTransaction.js';
import { withSnapshot } from '../store.js';
import { type Finding, fault, ok, reasonOf, warning } from './finding.js';
import { examineKeys } from './keys.js';

/** Of the archive so many events are proven, the newest of each partition: enough for some seconds, however old the installation is. */
const PROVEN_EVENTS = 50_000;

export async function examineDatabase(config: Config): Promise<Finding[]> {
  if (isMissing(config)) return [warning('database', 'does not exist yet', 'it is made at the first start')];
  try {
    return await withSnapshot((db, _, where) => examine(db, config, where));
  } catch (error) {
    return [fault('database', reasonOf(error), 'see the message; a node would refuse to start too')];
  }
}

function isMissing({ mode, sqlitePath }: Config): boolean {
  return mode === 'single' && (!existsSync(sqlitePath) || statSync(sqlitePath).size === 0);
}

async function examine(db: Queryable, config: Config, where: string): Promise<Finding[]> {
  const state = await readSchemaState(db, migrationsDir);
  if (state.empty) return [warning('database', `${where} holds nothing yet`, 'its tables are made at the first start')];
  const found = [schema(state, `${where}${await serverOf(db)}`)];
  if (state.eventPartitions !== null && state.eventPartitions !== config.EVENT_PARTITIONS) {
    const detail = `the installation was made with ${state.eventPartitions}, the environment says ${config.EVENT_PARTITIONS}`;
    found.push(fault('EVENT_PARTITIONS', detail, `set EVENT_PARTITIONS=${state.eventPartitions}`));
  }
  found.push(...(await patiently(db, 'database file', file)));
  found.push(...(await patiently(db, 'archive', archive)));
  found.push(...(await patiently(db, 'encryption', (inside) => examineKeys(inside, config))));
  return found;
}

/** An older schema may lack a table that a check asks for: the rest is looked at all the same. */
async function patiently(db: Queryable, check: string, look: (inside: Queryable) => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await withinTransaction(db).tx(look);
  } catch (error) {
    return [warning(check, reasonOf(error), 'bring the database to this schema and within reach')];
  }
}

async function serverOf(db: Queryable): Promise<string> {
  if (db.engine === 'sqlite') return '';
  const [server] = await db.query<{ server_version: string }>(sql`show server_version`);
  return `, PostgreSQL ${server?.server_version ?? 'of unknown version'}`;
}

function schema({ version, build, pending, newer }: SchemaState, where: string): Finding {
  if (pending.length > 0) {
    const fix = 'the first start of this build brings it up, or `kirogate migrate`; back up before';
    return warning('database', `${where}, schema version ${version}, and this build has ${build}`, fix);
  }
  if (newer.length > 0) {
    const detail = `${where}, schema version ${version}: upgraded by a newer KiroGate, which this build (${build}) may serve beside`;
    return warning('database', detail, 'bring this node to the newer build as well');
  }
  return ok('database', `${where}, schema version ${version}`);
}

async function file(db: Queryable): Promise<Finding[]> {
  if (db.engine === 'postgres') return [];
  const [check] = await db.query<{ quick_check: string }>(sql`pragma quick_check(1)`);
  if (check?.quick_check === 'ok') return [];
  return [fault('database file', check?.quick_check ?? 'no answer', 'stop the node and restore the last backup')];
}

async function archive(db: Queryable): Promise<Finding[]> {
  const heads = await partitionHeads(db);
  const verdicts = await verifyArchive(db, Math.ceil(PROVEN_EVENTS / Math.max(heads.size, 1)));
  const broken = verdicts.filter((verdict) => !verdict.ok);
  if (broken.length > 0) {
    return broken.map(({ partition, brokenAt }) =>
      fault(
        'archive',
        `the hash chain of ${partition} breaks at position ${brokenAt}`,
        'rows were changed outside KiroGate: compare with a backup',
      ),
    );
  }
  const proven = verdicts.reduce((sum, { events }) => sum + events, 0);
  const all = [...heads.values()].reduce((sum, { position }) => sum + position, 0);
  const what = proven === all ? `all ${all}` : `the newest ${proven} of ${all}`;
  return [ok('archive', `the hash chain holds for ${what} events${proven === all ? '' : '; kirogate projections verify proves the rest'}`)];
}
