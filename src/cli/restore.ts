/** `kirogate restore`: brings a backup into an empty installation, and proves it. */
import type { Command } from 'commander';
import { journalLeftovers } from '../app/leftovers.js';
import { lockDataDir } from '../app/nodeLock.js';
import { openArchiveFile } from '../commands/installation/archiveFile.js';
import { loadInstallation } from '../commands/installation/load.js';
import { MigrationFault } from '../commands/migration/fault.js';
import { tellLoaded } from './move.js';
import { progressBar } from './progressBar.js';
import { printJson } from './store.js';
import { type Target, withTarget } from './target.js';
import { vaultIfAny } from './vaultIfAny.js';

export function addRestore(program: Command): void {
  program
    .command('restore')
    .description('bring a backup into an empty installation, of either engine; its TOKEN_ENCRYPT_KEY or secrets.json must be there')
    .argument('<file>', 'what kirogate backup wrote')
    .option('--json', 'print what arrived as JSON')
    .action(async (file: string, options: { json?: true }) => {
      try {
        await restore(file, options.json === true);
      } catch (error) {
        if (!options.json || !(error instanceof MigrationFault)) throw error;
        printJson({ status: 'failed', error: { table: error.table, reason: error.reason } });
        process.exitCode = 1;
      }
    });
}

async function restore(file: string, json: boolean): Promise<void> {
  const source = await openArchiveFile(file);
  try {
    const { loaded, target } = await withTarget(async (target) => {
      const release = await holdTarget(target);
      try {
        const bar = progressBar('restore');
        const total = Object.values(source.facts.heads).reduce((sum, { position }) => sum + position, 0);
        let events = 0;
        const loaded = await loadInstallation(source, {
          db: target.db,
          vault: await vaultIfAny(target.config),
          onProgress({ table, rows }) {
            if (table !== 'archive') return;
            events += rows;
            bar?.(events, total, 'events');
          },
        });
        return { loaded, target };
      } finally {
        await release();
      }
    }, source.facts.eventPartitions);
    tellLoaded(loaded, target, json);
  } finally {
    await source.close();
  }
}

/** A single node's folder: none may run on it, and no journal of another life may lie there. */
async function holdTarget({ db, config }: Target): Promise<() => Promise<void>> {
  if (db.engine === 'postgres') return async () => undefined;
  const release = await lockDataDir(config.DATA_DIR);
  try {
    const { events, requests } = await journalLeftovers(config.DATA_DIR);
    if (events + requests === 0) return release;
    throw new MigrationFault(
      null,
      `${config.DATA_DIR}/journal holds ${events} events and ${requests} requests of another life; move it away`,
    );
  } catch (error) {
    await release();
    throw error;
  }
}
