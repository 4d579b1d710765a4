/** The folders of spools, one a run: whoever has its lock has the folder. They are made, sought and removed by one process at a time. */
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ensureFolder } from '../../../infra/folder.js';
import { lockFile, type ReleaseLock } from '../../../infra/lockFile.js';

export interface SpoolFolder {
  readonly dir: string;
  /** Lets go of it; what is in it stays for the next one. */
  release(): Promise<void>;
  /** Removes it with all that is in it, and lets go of it then. */
  remove(): Promise<void>;
}

const MODE = 0o700;
/** One that was frozen in its turn must not keep all others from starting. */
const TURN_MS = 10_000;
/** What is not removed now is by the next start. */
const REMOVE_MS = 5_000;
const LOOK_MS = 20;

/**
 * Runs `work` while no other process makes, seeks or removes folders below `root`: a lock in a folder that goes away is worth
 * nothing. Null when it was not our turn within `waitMs`.
 */
export async function inTurn<T>(root: string, work: () => Promise<T>, waitMs = TURN_MS): Promise<T | null> {
  const release = await turnOf(root, performance.now() + waitMs);
  if (release === null) return null;
  try {
    return await work();
  } finally {
    await release();
  }
}

async function turnOf(root: string, end: number): Promise<ReleaseLock | null> {
  for (;;) {
    // Beside the folder: in it are folders of runs only.
    const release = await lockFile(`${root}.lock`, LOOK_MS);
    if (release !== null || performance.now() > end) return release;
    await wait(LOOK_MS);
  }
}

/** Takes the folder of a run; null when another process has it. To be called in turn. */
export async function takeFolder(root: string, name: string): Promise<SpoolFolder | null> {
  const dir = join(root, name);
  const release = await lockFile(join(dir, 'lock'), LOOK_MS);
  return release === null ? null : { dir, release, remove: () => remove(root, dir, release) };
}

/** Makes and takes the folder of this run, whose name is new. Rejects when another process has it. */
export async function makeFolder(root: string, name: string): Promise<SpoolFolder> {
  await ensureFolder(root, MODE);
  const make = async (): Promise<SpoolFolder | null> => {
    await ensureFolder(join(root, name), MODE);
    return takeFolder(root, name);
  };
  // Out of turn as well: whoever holds the turn that long is frozen, and will find our lock.
  const folder = (await inTurn(root, make)) ?? (await make());
  if (folder === null) throw new Error(`another process holds the spool ${basename(root)}/${name}`);
  return folder;
}

/** Removed before it is let go of: whoever has the lock then has a folder that is there. */
async function remove(root: string, dir: string, release: ReleaseLock): Promise<void> {
  try {
    await inTurn(root, () => rm(dir, { recursive: true, force: true }), REMOVE_MS);
  } finally {
    await release();
  }
}

/** Somebody else removed what was there a moment ago. */
export const isGone = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
