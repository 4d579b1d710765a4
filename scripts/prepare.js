/** Makes a clone runnable: installs packages and builds when something is missing or out of date. Needs nothing but Node. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs a command in the repository; ends this process with its code when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) {
    console.error(`${command} could not be started: ${result.error.message}`);
    process.exit(1);
  }
  return result.status ?? 1;
}

function must(command, args, options) {
  const status = run(command, args, options);
  if (status !== 0) process.exit(status);
}

/** Path of a package's own command, run by this Node. */
export const binary = (name) => join(root, 'node_modules', '.bin', name);

/** Installs what the lockfile names, once; a changed lockfile installs again. Progress goes to standard error. */
export function ensureInstalled() {
  const mark = join(root, 'node_modules', '.kirogate-installed');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  console.error('Installing packages. SQLite is compiled where no ready-made build can be had: about two minutes, once.');
  must('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 2, 2] });
  writeFileSync(mark, wanted);
}

function fingerprint(folder, leaveOut) {
  const hash = createHash('sha256');
  for (const name of readdirSync(join(root, folder), { recursive: true }).map(String).sort()) {
    if (leaveOut !== undefined && name.startsWith(leaveOut)) continue;
    const path = join(root, folder, name);
    if (statSync(path).isFile()) hash.update(name).update('\0').update(readFileSync(path));
  }
  return hash;
}

/** Whether `mark` says that these very sources were built; else what to write into it afterwards. */
function stale(mark, wanted) {
  return !(existsSync(mark) && readFileSync(mark, 'utf8') === wanted);
}

/** Compiles `src` into `dist`, and the panels into `dist/web`, each when a source of its own changed since the last time. */
export function ensureBuilt() {
  buildNode();
  buildPanels();
}

function buildNode() {
  const mark = join(root, 'dist', '.sources');
  const wanted = fingerprint('src', join('panels', 'web', '/'))
    .update(readFileSync(join(root, 'tsconfig.build.json')))
    .digest('hex');
  if (!stale(mark, wanted)) return;
  console.error('Building.');
  must(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'], {
    stdio: ['ignore', 2, 2],
  });
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(mark, wanted);
}

/** Built aside and put in place whole: a node that starts meanwhile finds the old panels or the new ones. */
function buildPanels() {
  const mark = join(root, 'dist', '.web-sources');
  const wanted = fingerprint(join('src', 'panels', 'web'))
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const target = join(root, 'dist', 'web');
  if (existsSync(target) && !stale(mark, wanted)) return;
  console.error('Building the panels.');
  const aside = join(root, 'dist', `.web-${process.pid}`);
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const config = join(root, 'src', 'panels', 'web', 'vite.config.ts');
  must(process.execPath, [vite, 'build', '--config', config, '--outDir', aside, '--logLevel', 'warn'], { stdio: ['ignore', 2, 2] });
  rmSync(target, { recursive: true, force: true });
  renameSync(aside, target);
  writeFileSync(mark, wanted);
}
