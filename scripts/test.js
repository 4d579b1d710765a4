/** `npm test`: prepares the clone, runs the checks and every suite, and ends with one line of true counts. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, root, run } from './prepare.js';
import { ensureServers } from './services.js';

ensureInstalled();
ensureBuilt();
ensureServers();

const checks = run(process.execPath, [join(root, 'scripts', 'check.js')]);
const folder = mkdtempSync(join(tmpdir(), 'kirogate-test-'));
const report = join(folder, 'report.json');
const suites = run(process.execPath, [
  join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]);

let passed = 0;
let failed = 0;
try {
  const result = JSON.parse(readFileSync(report, 'utf8'));
  passed = result.numPassedTests;
  // A suite that could not even be loaded has no tests to count, and must not pass unseen.
  failed =
    result.numFailedTests + result.testResults.filter((suite) => suite.status === 'failed' && suite.assertionResults.length === 0).length;
} catch (error) {
  console.error(`The suites left no report: ${error.message}`);
}
rmSync(folder, { recursive: true, force: true });
if (checks === 0) passed += 1;
else failed += 1;
if (suites !== 0 && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 1 ? 0 : 1);
