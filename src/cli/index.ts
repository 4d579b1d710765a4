/** The operator's command line: one file per verb, exit code 0 only on success. */
import { Command } from 'commander';
import { version } from '../app/package.js';
import { addBackup } from './backup.js';
import { addDemo } from './demo.js';
import { addDoctor } from './doctor.js';
import { addEvents } from './events.js';
import { addImport } from './import.js';
import { addKeys } from './keys.js';
import { addMigrate } from './migrate.js';
import { addProjections } from './projections.js';
import { addReplay } from './replay.js';
import { addRestore } from './restore.js';
import { serve } from './serve.js';

// A reader that has seen enough, such as `head`, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const program = new Command('kirogate')
  .description('LLM API gateway in front of a pool of upstream credentials')
  .version(version)
  .showHelpAfterError();

program
  .command('serve')
  .description('run one node until it is told to stop')
  .action(async () => {
    process.exitCode = await serve(process.env);
  });
addDemo(program);
addMigrate(program);
addDoctor(program);
addEvents(program);
addReplay(program);
addProjections(program);
addKeys(program);
addImport(program);
addBackup(program);
addRestore(program);

const verb = process.argv[2];
if (verb !== undefined && !verb.startsWith('-') && verb !== 'help' && !program.commands.some((command) => command.name() === verb)) {
  program.error(`error: unknown command '${verb}'`);
}
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode ||= 1;
}
