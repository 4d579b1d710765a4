/** A server process of a test's cluster: its output kept, its end waited for, killed by its id when the test's process dies. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { atOurEnd } from '../../../src/infra/testing/process.js';
export function startChild(program, { args, env, cwd, input, lastSignal = 'KILL' }) {
  const child = spawn(program, [...args], {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk) => (output += chunk.toString()));
  const guard = atOurEnd('kill "-$2" "$1" 2>/dev/null', [`${child.pid}`, lastSignal]);
  const ended = once(child, 'close').then(() => void guard.kill('SIGKILL'));
  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid ?? 0,
    output: () => output,
    running,
    exitCode: () => child.exitCode,
    signal: (signal) => void (running() && child.kill(signal)),
    async end(signal) {
      if (running()) child.kill(signal);
      await ended;
      return child.exitCode;
    },
    ended,
    whileRunning(waiting) {
      const failed = ended.then(() => Promise.reject(new Error(`${program} ended: ${output.slice(-4_000)}`)));
      waiting.catch(() => undefined);
      return Promise.race([waiting, failed]);
    },
  };
}
