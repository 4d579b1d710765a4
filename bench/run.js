/** `npm run bench`: proxies side by side in one run, then events a second; `--part panels` times the panels' calls; prints tables of figures and ratios. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled } from '../scripts/prepare.js';

ensureInstalled();
ensureBuilt();
const { measureProxies } = await import('./proxies.js');
const { measureEvents } = await import('./events.js');
const { measurePanels } = await import('./panels.js');

const { values } = parseArgs({
  options: {
    /** Milliseconds of each measured spell. */
    ms: { type: 'string', default: '4000' },
    /** Spells of each subject; the median counts. */
    rounds: { type: 'string', default: '3' },
    /** Requests of each shape that each subject serves before it is measured. */
    'warm-up': { type: 'string', default: '8000' },
    /** Only subjects whose name contains this; may be given often. */
    only: { type: 'string', multiple: true, default: [] },
    without: { type: 'string', multiple: true, default: [] },
    /** `proxies`, `events`, `panels` or `all`, which is the first two. */
    part: { type: 'string', default: 'all' },
    /** Events of the second part. */
    events: { type: 'string', default: '50000' },
    /** Rows of the third part, how often each call is timed, and whether on PostgreSQL. */
    activity: { type: 'string', default: '1000000' },
    tokens: { type: 'string', default: '30000' },
    users: { type: 'string', default: '20000' },
    calls: { type: 'string', default: '9' },
    postgres: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const dir = mkdtempSync(join(tmpdir(), 'kirogate-bench-'));
try {
  const options = {
    dir,
    ms: Number(values.ms),
    rounds: Number(values.rounds),
    warmUpRequests: Number(values['warm-up']),
    only: values.only,
    without: values.without,
  };
  const results = {};
  const asked = (part) => values.part === part || (values.part === 'all' && part !== 'panels');
  if (asked('proxies')) results.proxies = await measureProxies(options);
  if (asked('events')) results.events = await measureEvents({ dir, events: Number(values.events) });
  if (asked('panels')) {
    const size = { rows: Number(values.activity), tokens: Number(values.tokens), users: Number(values.users) };
    results.panels = await measurePanels({ dir, ...size, rounds: Number(values.calls), postgres: values.postgres });
  }
  if (values.json) console.log(JSON.stringify(results, null, 2));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
process.exit(0);
