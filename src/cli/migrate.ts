/** `kirogate migrate`: brings the database to this build's schema without starting a node. */
import type { Command } from 'commander';
import pino from 'pino';
import { migrationsDir } from '../app/package.js';
import { migrate } from '../infra/database/migrate.js';
import { systemClock } from '../shared/clock.js';
import { printJson, withNewDatabase } from './store.js';

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description("bring the database to this build's schema")
    .option('--json', 'print the outcome as JSON')
    .action(async (options: { json?: true }) => {
      await withNewDatabase(async (db, config, where) => {
        const logger = pino({ level: 'silent' });
        const done = await migrate(db, { dir: migrationsDir, eventPartitions: config.EVENT_PARTITIONS, clock: systemClock, logger });
        if (options.json) printJson({ database: where, ...done });
        else {
          for (const name of done.applied) process.stdout.write(`applied ${name}\n`);
          process.stdout.write(`${where} is at version ${done.version}\n`);
        }
      });
    });
}
