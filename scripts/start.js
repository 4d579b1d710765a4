/** `npm start` and `npm run demo`: prepares the clone, then becomes the node. */
import { ensureBuilt, ensureInstalled } from './prepare.js';

ensureInstalled();
ensureBuilt();
if (process.argv[2] === 'demo') {
  process.argv.splice(2, 1, 'demo', ...process.argv.slice(3));
  await import('../dist/cli/index.js');
} else await import('../dist/main.js');
