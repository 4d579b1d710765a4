/** The operator's command line: one file per verb, exit code 0 only on success. */
import { Command } from 'commander';
import { version } from '../app/package.js';

// A reader that has seen enough, such as `head`, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const program = new Command('kirogate')
  .description('LLM API gateway in front of a pool of upstream credentials')
  .version(version)
  .showHelpAfterError();

const addServe = (to: Command): void => {
  to.command('serve')
    .description('run one node until it is told to stop')
    .action(async () => {
      const { serve } = await import('./serve.js');
      process.exitCode = await serve(process.env);
    });
};

/** In the order of the help. Only the verb that is asked for is loaded: all of a node takes a second, most verbs a fraction of it. */
const verbs = new Map<string, () => Promise<(to: Command) => void>>([
  ['serve', async () => addServe],
  ['demo', async () => (await import('./demo.js')).addDemo],
  ['migrate', async () => (await import('./migrate.js')).addMigrate],
  ['doctor', async () => (await import('./doctor.js')).addDoctor],
  ['events', async () => (await import('./events.js')).addEvents],
  ['replay', async () => (await import('./replay.js')).addReplay],
  ['projections', async () => (await import('./projections.js')).addProjections],
  ['keys', async () => (await import('./keys.js')).addKeys],
  ['import', async () => (await import('./import.js')).addImport],
  ['backup', async () => (await import('./backup.js')).addBackup],
  ['restore', async () => (await import('./restore.js')).addRestore],
]);

const verb = process.argv[2] ?? '';
const asked = verbs.get(verb);
for (const load of asked === undefined ? verbs.values() : [asked]) (await load())(program);

if (verb !== '' && !verb.startsWith('-') && verb !== 'help' && asked === undefined) {
  program.error(`error: unknown command '${verb}'`);
}
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode ||= 1;
}
