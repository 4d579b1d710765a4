/** `kirogate import`: takes in the database of an old KiroGate, or moves a single node's own into an empty installation. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { environmentSettings } from '../app/settings.js';
import { kiroOptions } from '../app/wiring.js';
import { MigrationFault } from '../commands/migration/fault.js';
import { type ImportDeps, importOld } from '../commands/migration/importOld.js';
import { type OldInstallation, readOld } from '../commands/migration/old/read.js';
import type { MigrationReport } from '../commands/migration/report.js';
import { openSource, type Source } from '../commands/migration/source.js';
import type { Config } from '../config.js';
import { systemClock } from '../shared/clock.js';
import { createIds } from '../shared/ids.js';
import { createUpstreams } from '../upstreams/index.js';
import { moveOwn } from './move.js';
import { progressBar } from './progressBar.js';
import { type Sealing, sealingOf, trialSealing } from './sealing.js';
import { showPassword } from './showPassword.js';
import { printJson, printTable } from './store.js';
import { type Target, withTarget, withTrialTarget } from './target.js';

interface Options {
  dryRun?: true;
  json?: true;
  region?: string;
  metrics?: string;
  keyFile?: string;
  dataDir?: string;
}

export function addImport(program: Command): void {
  program
    .command('import')
    .description("take in an old KiroGate's SQLite file, or move a single node's own into an empty installation")
    .argument('<file.db>', 'the database; its -wal belongs beside it')
    .option('--dry-run', 'say what would become of each row, and change nothing')
    .option('--json', 'print the report as JSON')
    .option('--region <region>', 'sign-in region of credentials, where it is not KIRO_REGION')
    .option('--metrics <metrics.db>', 'old site settings and address bans; default: metrics.db beside the file; "none": leave them')
    .option('--key-file <path>', 'file that holds the old TOKEN_ENCRYPT_KEY; or set OLD_TOKEN_ENCRYPT_KEY')
    .option('--data-dir <dir>', "a single node's own file: its DATA_DIR, where it is not the file's folder")
    .action(async (file: string, options: Options) => {
      try {
        await takeIn(file, options);
      } catch (error) {
        if (!options.json || !(error instanceof MigrationFault)) throw error;
        printJson({ status: 'failed', error: { table: error.table, reason: error.reason } });
        process.exitCode = 1;
      }
    });
}

async function takeIn(file: string, options: Options): Promise<void> {
  const source = await openSource(file, options.metrics === 'none' ? null : options.metrics);
  try {
    if (source.kind === 'own') await moveOwn(source.main, options);
    else await takeOld(source, options);
  } finally {
    await source.close();
  }
}

async function takeOld({ main, metrics, close }: Source, options: Options): Promise<void> {
  // Read to its end before the target is touched: what cannot be read leaves no trace there.
  const old = await readOld(main, metrics);
  // The old service may run, and cannot write to its metrics.db while that is open here.
  await close();
  const given = options.keyFile === undefined ? '' : (await readFile(options.keyFile, 'utf8')).trim();
  if (options.dryRun) {
    const report = await withTrialTarget(async (target) => run(old, target, await trialSealing(target), options, given));
    return tell(report, options);
  }
  const { report, generatedPassword, dataDir } = await withTarget(async (target) => {
    const { generatedPassword, ...sealing } = await sealingOf(target);
    return { report: await run(old, target, sealing, options, given), generatedPassword, dataDir: target.config.DATA_DIR };
  });
  if (generatedPassword !== null) await showPassword(generatedPassword, dataDir, process.stderr);
  tell(report, options);
}

function run(
  old: OldInstallation,
  { db, config }: Target,
  { vault, key, note }: Omit<Sealing, 'generatedPassword'>,
  options: Options,
  given: string,
) {
  const ids = createIds(systemClock);
  const bar = progressBar('import');
  const deps: ImportDeps = {
    db,
    vault,
    ids,
    clock: systemClock,
    nodeId: config.NODE_ID || 'cli',
    defaults: environmentSettings(config),
    parseCredential: parserOf(config),
    beforeCommit: note,
  };
  return importOld(async () => old, deps, {
    id: ids.short(),
    origin: 'path',
    actor: 'system',
    dryRun: options.dryRun === true,
    keys: [given, config.OLD_TOKEN_ENCRYPT_KEY, key, config.TOKEN_ENCRYPT_KEY_PREVIOUS],
    region: options.region,
    ...(bar && { onProgress: ({ rowsDone, rowsTotal }) => bar(rowsDone, rowsTotal, 'rows') }),
  });
}

function parserOf(config: Config): ImportDeps['parseCredential'] {
  const kiro = createUpstreams({ kiro: kiroOptions(config, systemClock, createIds(systemClock)) }).get('kiro');
  if (kiro === undefined) throw new Error('there is no Kiro upstream in this build');
  return (input) => kiro.parseCredential(input);
}

function tell(report: MigrationReport, { json }: Options): void {
  if (json) return printJson({ status: 'completed', ...report });
  printTable(
    ['table', 'rows', report.dryRun ? 'would come' : 'imported', 'here already', 'passed over'],
    report.tables.map((one) => [one.table, one.rows, one.imported, one.matched, one.passedOver]),
  );
  const lines = [
    ...report.mapped.map(({ table, from, to }) => `${table} ${from} is ${to} here`),
    ...report.passedOver.map(({ table, id, reason }) => `${table} ${id} was passed over: ${reason}`),
    ...report.notes.map(({ table, id, note }) => `${table} ${id}: ${note}`),
    ...report.recheck.map((id) => `token ${id} waits for a health check`),
    ...report.left.map(({ table, rows, why }) => `${table} stays behind with ${rows} rows: ${why}`),
    ...Object.entries(report.more).map(([list, count]) => `and ${count} more (${list})`),
  ];
  if (lines.length > 0) process.stdout.write(`\n${lines.join('\n')}\n`);
  for (const warning of report.warnings) process.stderr.write(`warning: ${warning}\n`);
}
