/** `kirogate backup`: a consistent copy of the whole installation in one file, while nodes serve. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { version } from '../app/package.js';
import { writeArchiveFile } from '../commands/installation/archiveFile.js';
import { openDump } from '../commands/installation/dump.js';
import { MigrationFault } from '../commands/migration/fault.js';
import { systemClock } from '../shared/clock.js';
import { progressBar } from './progressBar.js';
import { printJson, printTable, withSnapshot } from './store.js';
import { undoOnSignal } from './undoOnSignal.js';

export function addBackup(program: Command): void {
  program
    .command('backup')
    .description(
      'write archive, read models and vault into one file; credentials stay encrypted: keep TOKEN_ENCRYPT_KEY or secrets.json apart',
    )
    .argument('<file>', 'a name that is free yet')
    .option('--json', 'print what was written as JSON')
    .action(async (file: string, options: { json?: true }) => {
      try {
        await backup(resolve(file), options.json === true);
      } catch (error) {
        if (!options.json || !(error instanceof MigrationFault)) throw error;
        printJson({ status: 'failed', error: { table: error.table, reason: error.reason } });
        process.exitCode = 1;
      }
    });
}

async function backup(path: string, json: boolean): Promise<void> {
  const { tables, heads } = await withSnapshot(async (tx) => {
    const dump = await openDump(tx);
    const total = Object.values(dump.facts.heads).reduce((sum, { position }) => sum + position, 0);
    const bar = progressBar('backup');
    let events = 0;
    const written = await writeArchiveFile(dump, {
      path,
      product: version,
      now: systemClock.now(),
      guard: undoOnSignal,
      onProgress({ table, rows }) {
        if (table !== 'archive') return;
        events += rows;
        bar?.(events, total, 'events');
      },
    });
    return { tables: written, heads: dump.facts.heads };
  });
  if (json) return printJson({ status: 'completed', file: path, tables, heads });
  printTable(
    ['table', 'rows', 'checksum'],
    Object.entries(tables).map(([table, { rows, sum }]) => [table, rows, sum.slice(0, 16)]),
  );
  process.stdout.write(`\nwritten to ${path}\n`);
}
