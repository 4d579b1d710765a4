/** `npm run check`: types, format and lint, architecture, unused code, reference pages. Names each step and fails if one does. */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { ensureBuilt, ensureInstalled, root } from './prepare.js';

ensureInstalled();
// The reference pages are read from the build: made before, and not beside what reads the sources.
ensureBuilt();
const node = process.execPath;
const execute = promisify(execFile);
/** The longest first. */
const steps = [
  ['types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  ['types of the panels', ['node_modules/typescript/bin/tsc', '-p', 'src/panels/web/tsconfig.json']],
  ['architecture', ['node_modules/dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.cjs', 'src']],
  ['unused code', ['node_modules/knip/bin/knip.js']],
  ['format and lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']],
  ['reference pages', ['scripts/reference.js', '--check']],
];

let failed = 0;
const waiting = [...steps];
async function worker() {
  for (let step = waiting.shift(); step; step = waiting.shift()) {
    const [name, args] = step;
    try {
      await execute(node, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
      console.log(`ok     ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}\n${error.stdout ?? ''}${error.stderr || error.message}`);
    }
  }
}
// Each runs on one core; more of them at once than cores gains nothing.
await Promise.all(Array.from({ length: Math.min(availableParallelism(), steps.length) }, worker));
process.exit(failed === 0 ? 0 : 1);
