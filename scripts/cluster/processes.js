/** The processes of a local cluster: started one after another, ended in reverse, and ended with us whatever happens to us. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** Runs `kill` on the process when we die without having ended it: then the guard's input ends. */
function guardOf(pid, signal) {
  const script = 'cat >/dev/null; kill "-$2" "$1" 2>/dev/null';
  const guard = spawn('/bin/sh', ['-c', script, 'guard', `${pid}`, signal], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.unref();
  return guard;
}

/** Resolves with the probe's first answer that is not undefined; rejects after `seconds`, or when `ended` rejects. */
export async function until(what, probe, seconds, ended) {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const found = await Promise.race([Promise.resolve(probe()).catch(() => undefined), ended]);
    if (found !== undefined) return found;
    await wait(50);
  }
  throw new Error(`${what}: nothing after ${seconds} s`);
}

export function createProcesses(report) {
  const running = [];
  let stopping = false;

  /**
   * Starts a program with its output going to `log`. `account`: uid and gid. `stop`: the signal that asks it to end.
   * `ready` is asked until it answers something; `said` in it is the output so far.
   */
  async function start({ name, program, args, env, cwd, account, log, stop = 'SIGTERM', ready, seconds = 60 }) {
    // A process group of its own: Ctrl-C reaches only us, and we end everything in order.
    const child = spawn(program, args, { ...account, env, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const file = createWriteStream(log, { flags: 'a', mode: 0o600 });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        if (said.length < 100_000) said += chunk;
        file.write(chunk);
      });
    }
    const exited = Promise.race([once(child, 'exit'), once(child, 'error')]);
    const failed = exited.then(([code]) => {
      throw new Error(
        `${name} ended (${code instanceof Error ? code.message : code}); see ${log}\n${said.split('\n').slice(-8).join('\n')}`,
      );
    });
    failed.catch((error) => {
      if (!stopping && entry.up) report(error.message);
    });
    const guard = child.pid === undefined ? undefined : guardOf(child.pid, stop === 'SIGTERM' ? 'KILL' : stop.slice(3));
    const entry = { name, child, exited, guard, stop, up: false };
    running.push(entry);
    const answer = await until(name, () => ready(said), seconds, failed);
    entry.up = true;
    return answer;
  }

  async function end({ child, exited, guard, stop }, seconds) {
    if (child.exitCode === null && child.signalCode === null) child.kill(stop);
    await Promise.race([exited, wait(seconds * 1000, undefined, { ref: false })]).catch(() => undefined);
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited.catch(() => undefined);
    guard?.kill('SIGKILL');
  }

  return {
    start,
    /** Ends everything, the newest first; those started together (`name` up to its number) at the same time. */
    async stop() {
      stopping = true;
      while (running.length > 0) {
        const kind = running.at(-1).name.replace(/-\d+$/, '');
        const together = running.splice(running.findLastIndex((one) => one.name.replace(/-\d+$/, '') !== kind) + 1);
        report(`Ending ${together.map((one) => one.name).join(', ')}.`);
        await Promise.all(together.map((one) => end(one, 45)));
      }
    },
    /** kill -9, for a second Ctrl-C. */
    kill() {
      for (const { child } of running) child.kill('SIGKILL');
    },
  };
}
