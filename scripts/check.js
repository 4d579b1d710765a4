/** `npm run check`: types, format and lint, architecture, unused code, reference pages. Names each step and fails if one does. */
import { spawnSync } from 'node:child_process';
import { ensureInstalled, root } from './prepare.js';

ensureInstalled();
const node = process.execPath;
const steps = [
  ['types', node, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  ['types of the panels', node, ['node_modules/typescript/bin/tsc', '-p', 'src/panels/web/tsconfig.json']],
  ['format and lint', node, ['node_modules/@biomejs/biome/bin/biome', 'check', '.']],
  ['architecture', node, ['node_modules/dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.cjs', 'src']],
  ['unused code', node, ['node_modules/knip/bin/knip.js']],
  ['reference pages', node, ['scripts/reference.js', '--check']],
];

let failed = 0;
for (const [name, command, args] of steps) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  const ok = result.status === 0;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
  if (ok) continue;
  failed += 1;
  console.log(`${result.stdout}${result.stderr}`);
}
process.exit(failed === 0 ? 0 : 1);
