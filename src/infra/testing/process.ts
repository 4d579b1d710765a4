/** What every test server needs: a free port, and an end that comes also when the test's process is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';

/** Runs `command` (shell; its `$1` … are `args`) when this process ends without `guard.kill()`, be it by a signal: then the guard's input ends. */
export function atOurEnd(command: string, args: readonly string[]): ChildProcess {
  const stdio: ['pipe', 'ignore', 'ignore'] = ['pipe', 'ignore', 'ignore'];
  const guard = spawn('/bin/sh', ['-c', `cat >/dev/null; ${command}`, 'guard', ...args], { stdio, detached: true });
  guard.unref();
  return guard;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
