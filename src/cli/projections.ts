/** `kirogate projections status|rebuild|verify`: the read models against the archive. */
import type { Command } from 'commander';
import { partitionHeads } from '../events/archive.js';
import type { Database } from '../infra/database/port.js';
import { projections } from '../projections/index.js';
import type { BuildProgress } from '../projections/runner/build.js';
import { checkpointsOf } from '../projections/runner/checkpoints.js';
import { rebuild } from '../projections/runner/rebuild.js';
import { verifyProjections } from '../projections/runner/verify.js';
import { systemClock } from '../shared/clock.js';
import { printJson, printTable, withDatabase } from './store.js';

export function addProjections(program: Command): void {
  const group = program.command('projections').description('the read models');
  group
    .command('status')
    .description('how far each projection is')
    .option('--json', 'print as JSON')
    .action((options: { json?: true }) => withDatabase((db) => status(db, options.json === true)));
  group
    .command('rebuild')
    .description('build a projection anew from the archive and swap it in, while nodes serve')
    .argument('<name>', `one of ${projections.map((one) => one.name).join(', ')}, or all`)
    .option('--json', 'print as JSON')
    .action((name: string, options: { json?: true }) => withDatabase((db) => rebuildNamed(db, name, options.json === true)));
  group
    .command('verify')
    .description('prove the hash chain, and that every read model equals a rebuild')
    .option('--json', 'print as JSON')
    .action((options: { json?: true }) => withDatabase((db) => verify(db, options.json === true)));
}

async function status(db: Database, json: boolean): Promise<void> {
  const items = await db.snapshot(async (snapshot) => {
    const heads = await partitionHeads(snapshot);
    const found = [];
    for (const { name, version } of projections) {
      const reached = await checkpointsOf(snapshot, { name, version });
      const partitions = [...heads].map(([partition, { position: head }]) => ({ partition, position: reached.get(partition) ?? 0, head }));
      found.push({ name, version, partitions });
    }
    return found;
  });
  if (json) return printJson({ items });
  const rows = items.flatMap(({ name, version, partitions }) =>
    partitions.map((one) => [name, version, one.partition, one.position, one.head, one.head - one.position]),
  );
  printTable(['projection', 'version', 'partition', 'position', 'head', 'behind'], rows);
}

async function rebuildNamed(db: Database, name: string, json: boolean): Promise<void> {
  const chosen = name === 'all' ? projections : projections.filter((one) => one.name === name);
  if (chosen.length === 0) throw new Error(`there is no projection ${name}; there are ${projections.map((one) => one.name).join(', ')}`);
  const results = [];
  for (const projection of chosen) {
    const result = await rebuild({ db, projection, clock: systemClock, onProgress: progressBar(projection.name) });
    results.push(result);
    if (json) continue;
    const verdict = result.equal === null ? 'the version changed' : result.equal ? 'equal to what served' : 'different from what served';
    process.stdout.write(`${projection.name}: ${result.events} events in ${Math.round(result.durationMs)} ms, ${verdict}, swapped in\n`);
  }
  if (json) printJson({ items: results });
}

async function verify(db: Database, json: boolean): Promise<void> {
  const result = await verifyProjections({ db, clock: systemClock, onProgress: progressBar('verify') });
  if (!result.ok) process.exitCode = 1;
  if (json) return printJson(result);
  printTable(
    ['partition', 'events', 'hash chain'],
    result.archive.map((one) => [one.partition, one.events, one.ok ? 'holds' : `broken at ${one.brokenAt}`]),
  );
  process.stdout.write('\n');
  printTable(
    ['projection', 'version', 'rebuild'],
    result.projections.map((one) => [one.name, one.version, one.equal ? 'equal' : `different: ${JSON.stringify(one.difference)}`]),
  );
}

/** Only on a terminal: a pipe gets no control characters. */
function progressBar(name: string): ((progress: BuildProgress) => void) | undefined {
  if (!process.stderr.isTTY) return undefined;
  return ({ done, total, eventsPerSecond }) => {
    const filled = total === 0 ? 30 : Math.min(30, Math.round((done / total) * 30));
    process.stderr.write(`\r${name} ${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${done}/${total} ${Math.round(eventsPerSecond)}/s `);
    if (done >= total) process.stderr.write('\n');
  };
}
