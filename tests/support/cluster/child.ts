/** A server process of a test's cluster: its output kept, its end waited for, killed by its id when the test's process dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { atOurEnd } from '../../../src/infra/testing/process.js';

export interface Child {
  readonly pid: number;
  /** Standard output and error so far. */
  readonly output: () => string;
  readonly running: () => boolean;
  readonly exitCode: () => number | null;
  /** Sends the signal and does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal, if it still runs, and resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Resolves when it has ended and its output is whole. */
  readonly ended: Promise<void>;
  /** What `waiting` gives, unless the process ends first: then rejects with its last words. */
  whileRunning<T>(waiting: Promise<T>): Promise<T>;
}

export interface ChildOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Open while we live: for children that end with their input. */
  readonly input?: boolean;
  /** What ends it when our process dies first; the default cannot be refused. */
  readonly lastSignal?: 'KILL' | 'TERM';
}

export function startChild(program: string, { args, env, cwd, input, lastSignal = 'KILL' }: ChildOptions): Child {
  const child: ChildProcess = spawn(program, [...args], {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const guard = atOurEnd('kill "-$2" "$1" 2>/dev/null', [`${child.pid}`, lastSignal]);
  const ended = once(child, 'close').then(() => void guard.kill('SIGKILL'));
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
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
