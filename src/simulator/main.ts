/** Runs the simulator in a process of its own and prints where it is: `node dist/simulator/main.js --port 9000`. */
import { parseArgs } from 'node:util';
import { settingsPatchSchema } from './behaviour.js';
import { startSimulator } from './index.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    /** JSON of settings to start with, for example `{"failureRate":0.05}`. */
    settings: { type: 'string', default: '{}' },
    /** How many requests to remember one by one. */
    keep: { type: 'string', default: '10000' },
    /** End when standard input does, so that it never outlives the test that started it. */
    'with-parent': { type: 'boolean', default: false },
  },
});

const simulator = await startSimulator({
  port: Number(values.port),
  seed: Number(values.seed),
  keepRequests: Number(values.keep),
  settings: settingsPatchSchema.parse(JSON.parse(values.settings)),
});

const stop = (): void => {
  void simulator.close().then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
if (values['with-parent']) process.stdin.once('end', stop).resume();

process.stdout.write(`${JSON.stringify({ url: simulator.url, port: simulator.port, pid: process.pid })}\n`);
