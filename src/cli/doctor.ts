/** `kirogate doctor`: looks at the installation and names the fix for what is wrong, not only the fault. It changes nothing. */
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { version } from '../app/package.js';
import { type Config, ConfigError, loadConfig } from '../config.js';
import { examineDatabase } from './doctor/database.js';
import { type Finding, fault, ok, warning } from './doctor/finding.js';
import { examineRedis } from './doctor/redis.js';
import { printJson } from './store.js';

const LEAST_FREE_BYTES = 1024 ** 3;

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check the installation, name the fix for what is wrong, and change nothing')
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
  found.push(await dataFolder(config), ...(await secretsFile(config)), await diskSpace(config));
  found.push(...(await examineDatabase(config)), ...(await examineRedis(config)), await runningNode(config));
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

/** Several nodes have their secrets from the environment. */
async function secretsFile(config: Config): Promise<Finding[]> {
  if (config.mode === 'distributed') return [];
  const path = join(config.DATA_DIR, 'secrets.json');
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) return [fault('secrets', `${path} can be read by others`, `chmod 600 ${path}`)];
    return [ok('secrets', 'generated, mode 0600; back it up, but not beside the database')];
  } catch {
    return [ok('secrets', 'not generated yet')];
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
