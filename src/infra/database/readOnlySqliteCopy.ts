/** A private copy of a database file with what belongs to it, taken while nobody wrote, that leaves nothing behind however the process ends. */
import { rmSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { SqliteFileError } from './readOnlySqliteError.js';

export interface PrivateCopy {
  readonly path: string;
  /** May be called as soon as the files are open, and again. */
  remove(): Promise<void>;
}

const PREFIX = 'kirogate-read-';
const BESIDE = ['', '-journal', '-wal'] as const;
const ATTEMPTS = 5;
const PAUSE_MS = 50;

/** Throws SqliteFileError where the file cannot be copied or is written all the time. */
export async function copyPrivately(path: string): Promise<PrivateCopy> {
  await removeForgotten();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const copy = await tryCopy(path);
    if (copy !== null) return copy;
  }
  throw new SqliteFileError(
    'changing',
    `${path} was written again and again while it was copied; stop the service that uses it, or try again`,
  );
}

/** null: a file was written meanwhile. */
async function tryCopy(path: string): Promise<PrivateCopy | null> {
  const dir = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const release = removeAtEnd(dir);
  const remove = async (): Promise<void> => {
    await rm(dir, { recursive: true, force: true });
    release();
  };
  try {
    const before = await Promise.all(BESIDE.map((end) => traceOf(path + end)));
    // A file's time moves in ticks: within one, a write would leave no trace.
    await wait(PAUSE_MS);
    for (const [index, end] of BESIDE.entries()) if (before[index]?.size) await copyFile(path + end, join(dir, `x.db${end}`));
    const after = await Promise.all(BESIDE.map((end) => traceOf(path + end)));
    if (before.every((trace, index) => sameTrace(trace, after[index] ?? null))) return { path: join(dir, 'x.db'), remove };
    await remove();
    return null;
  } catch (error) {
    await remove();
    throw new SqliteFileError('missing', `${path} and what lies beside it cannot be copied: ${String(error)}`, { cause: error });
  }
}

/** Changes whenever the file does. */
export interface Trace {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

/** null: there is none. */
export async function traceOf(path: string): Promise<Trace | null> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return { ino, size, mtimeNs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function sameTrace(one: Trace | null, other: Trace | null): boolean {
  return one?.ino === other?.ino && one?.size === other?.size && one?.mtimeNs === other?.mtimeNs;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Where the process has its own way to end by a signal that counts, and the folder goes at its exit; else it ends by the signal, as without us. */
function removeAtEnd(dir: string): () => void {
  const removeNow = (): void => rmSync(dir, { recursive: true, force: true });
  const onSignal = (signal: NodeJS.Signals): void => {
    process.off(signal, onSignal);
    if (process.listenerCount(signal) > 0) return;
    removeNow();
    process.kill(process.pid, signal);
  };
  process.on('exit', removeNow);
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    process.off('exit', removeNow);
    for (const signal of signals) process.off(signal, onSignal);
  };
}

/** What processes left behind that were killed while they copied. */
async function removeForgotten(): Promise<void> {
  const names = await readdir(tmpdir()).catch((): string[] => []);
  for (const name of names) {
    const pid = /^kirogate-read-(\d{1,10})-\w{6}$/.exec(name)?.[1];
    // Another user's stays: it is not ours to remove, and does not let us.
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
