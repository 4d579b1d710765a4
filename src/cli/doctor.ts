/** `kirogate doctor`: looks at the installation and names the fix for what is wrong, not only the fault. */
import { existsSync } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import pino from 'pino';
import { migrationsDir, version } from '../app/package.js';
import { type Config, ConfigError, loadConfig } from '../config.js';
import { verifyArchive } from '../events/archive.js';
import { migrate } from '../infra/database/migrate.js';
import { sql } from '../infra/database/port.js';
import { openSqlite } from '../infra/database/sqlite.js';
import { systemClock } from '../shared/clock.js';
import { keyCounts } from './keys.js';
import { printJson, withDatabase } from './store.js';
import { vaultIfAny } from './vaultIfAny.js';

interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'fault';
  readonly detail: string;
  readonly fix: string | null;
}

const ok = (check: string, detail: string): Finding => ({ check, state: 'ok', detail, fix: null });
const warning = (check: string, detail: string, fix: string): Finding => ({ check, state: 'warning', detail, fix });
const fault = (check: string, detail: string, fix: string): Finding => ({ check, state: 'fault', detail, fix });

const LEAST_FREE_BYTES = 1024 ** 3;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check the installation and name the fix for what is wrong')
    .option('--json', 'print the findings as JSON')
    .action(async (options: { json?: true }) => {
      const findings = await examine();
      if (options.json) printJson({ version, findings });
      else for (const finding of findings) print(finding);
      if (findings.some((finding) => finding.state === 'fault')) process.exitCode = 1;
    });
}

function print({ check, state, detail, fix }: Finding): void {
  process.stdout.write(`${state.padEnd(8)} ${check}: ${detail}\n${fix === null ? '' : `         fix: ${fix}\n`}`);
}

async function examine(): Promise<Finding[]> {
  let config: Config;
  try {
    config = loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((one) => fault('configuration', one, 'correct the variable and run the doctor again'));
  }
  const found: Finding[] = [nodeVersion(), ok('configuration', `mode ${config.mode}, data in ${config.DATA_DIR}`)];
  found.push(await dataFolder(config), await secretsFile(config), await diskSpace(config));
  found.push(...(await database(config)), ...(await encryption(config)), await runningNode(config));
  return found;
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  return enough ? ok('Node', process.version) : fault('Node', `${process.version} is too old`, 'install Node 20.19 or newer');
}

async function dataFolder(config: Config): Promise<Finding> {
  try {
    await access(config.DATA_DIR, constants.R_OK | constants.W_OK);
    return ok('data folder', config.DATA_DIR);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return warning('data folder', 'does not exist yet', 'it is made at the first start');
    return fault('data folder', `${config.DATA_DIR} cannot be written`, 'give the user that runs the node read and write rights on it');
  }
}

async function secretsFile(config: Config): Promise<Finding> {
  const path = join(config.DATA_DIR, 'secrets.json');
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) return fault('secrets', `${path} can be read by others`, `chmod 600 ${path}`);
    return ok('secrets', 'generated, mode 0600; back the file up with the database');
  } catch {
    return ok('secrets', 'not generated yet');
  }
}

async function diskSpace(config: Config): Promise<Finding> {
  try {
    const { bavail, bsize } = await statfs(dirname(config.sqlitePath));
    const free = bavail * bsize;
    const text = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
    return free < LEAST_FREE_BYTES ? warning('disk', text, 'free some space: the archive keeps every event') : ok('disk', text);
  } catch {
    return ok('disk', 'the folder does not exist yet');
  }
}

async function database(config: Config): Promise<Finding[]> {
  try {
    await access(config.sqlitePath);
  } catch {
    return [warning('database', 'does not exist yet', 'it is made at the first start')];
  }
  const db = await openSqlite({ path: config.sqlitePath });
  try {
    const options = { dir: migrationsDir, eventPartitions: config.EVENT_PARTITIONS, clock: systemClock, logger: pino({ level: 'silent' }) };
    const { version: schema } = await migrate(db, options);
    const found = [ok('database', `${config.sqlitePath}, schema version ${schema}`)];
    const [check] = await db.query<{ quick_check: string }>(sql`pragma quick_check(1)`);
    if (check?.quick_check !== 'ok')
      found.push(fault('database file', check?.quick_check ?? 'no answer', 'stop the node and restore the last backup'));
    for (const verdict of await verifyArchive(db)) {
      if (verdict.ok) continue;
      const detail = `the hash chain of ${verdict.partition} breaks at position ${verdict.brokenAt}`;
      found.push(fault('archive', detail, 'rows were changed outside KiroGate: compare with a backup'));
    }
    if (found.length === 1) found.push(ok('archive', 'the hash chain of every partition holds'));
    return found;
  } catch (error) {
    return [fault('database', error instanceof Error ? error.message : String(error), 'see the message; a node would refuse to start too')];
  } finally {
    await db.close();
  }
}

/** Which key stored credentials are under, of either database. Says nothing where there is no database or no key yet. */
async function encryption(config: Config): Promise<Finding[]> {
  const vault = await vaultIfAny(config);
  if (vault === null || (config.mode === 'single' && !existsSync(config.sqlitePath))) return [];
  try {
    const counts = await withDatabase((db) => keyCounts(db, vault));
    const of = (key: string): number => counts.filter((one) => one.key === key).reduce((sum, one) => sum + one.credentials, 0);
    const lost = of('unknown');
    const former = of('previous');
    if (lost > 0) {
      const fix = 'set TOKEN_ENCRYPT_KEY_PREVIOUS to the key that was in use before, then run `kirogate keys rotate`';
      return [fault('encryption', `${lost} credentials do not open with the keys given here`, fix)];
    }
    if (former === 0) return [ok('encryption', `${of('current')} credentials under the current key`)];
    return [warning('encryption', `${former} credentials are still under the former key`, 'run `kirogate keys rotate`')];
  } catch (error) {
    return [
      warning('encryption', error instanceof Error ? error.message : String(error), 'bring the database to this schema and within reach'),
    ];
  }
}

async function runningNode(config: Config): Promise<Finding> {
  try {
    const response = await fetch(`http://127.0.0.1:${config.PORT}/health`, { signal: AbortSignal.timeout(2_000) });
    const body = (await response.json()) as { status?: string; node_id?: string };
    if (typeof body.node_id !== 'string') return warning('port', `${config.PORT} is taken by something else`, 'set PORT to a free one');
    return ok('node', `${body.node_id} on port ${config.PORT} is ${body.status}`);
  } catch {
    return ok('node', `none runs on port ${config.PORT}`);
  }
}
