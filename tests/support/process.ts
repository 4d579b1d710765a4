/** A node as a process of its own, so that it can be killed. Runs what `npm run build` made. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { until } from './until.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface NodeProcess {
  readonly url: string;
  readonly pid: number;
  /** Standard output and error so far. */
  readonly output: () => string;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

/** Only what a command needs, so that the machine's own settings never leak into a test. */
const baseEnvironment = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };

function start(args: readonly string[], env: Record<string, string>): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [...args], { cwd: root, env: { ...baseEnvironment, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output };
}

/** Starts a node and waits until it is healthy. */
export async function startNode(env: Record<string, string>): Promise<NodeProcess> {
  const { child, output } = start(['dist/main.js'], env);
  const exited = once(child, 'exit');
  const port = await until('the port of the node', () => {
    if (child.exitCode !== null) throw new Error(`the node ended: ${output()}`);
    return /"port":(\d+)[^\n]*"msg":"ready"/.exec(output())?.[1];
  });
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    output,
    async kill(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
}

/** Runs a node that is expected to end by itself. */
export async function runNode(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const { child, output } = start(['dist/main.js'], env);
  await once(child, 'close');
  return { code: child.exitCode, output: output() };
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a verb of the command line to its end. */
export function runCli(args: readonly string[], env: Record<string, string>): Promise<Ended> {
  return startCli(args, env).ended;
}

/** For a verb that is to be ended before its time. */
export function startCli(args: readonly string[], env: Record<string, string>): { child: ChildProcess; ended: Promise<Ended> } {
  const { child, output } = start(['dist/cli/index.js', ...args], env);
  return { child, ended: once(child, 'close').then(() => ({ code: child.exitCode, output: output() })) };
}
