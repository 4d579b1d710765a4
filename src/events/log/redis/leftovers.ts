/** Spool folders: one a run, locked while it lives; a starting node takes over what dead runs left. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { ensureFolder } from '../../../infra/folder.js';
import { lockFile, type ReleaseLock } from '../../../infra/lockFile.js';
import { readSpoolFile, type SpoolRecord, type SpoolSegment, spoolFilesOf } from '../spool.js';

export interface Leftover {
  readonly segment: SpoolSegment;
  readonly records: readonly SpoolRecord[];
}

export interface Leftovers {
  /** One file at a time, so that only one is in memory. */
  each(take: (leftover: Leftover) => void): Promise<void>;
  /** Everything in the file is archived: it goes, and its folder with the last one. */
  done(segment: SpoolSegment): void;
  /** Waits for files being removed and lets go of the folders; what is not archived stays for the next node. */
  close(): Promise<void>;
}

interface Folder {
  readonly dir: string;
  readonly release: ReleaseLock;
  readonly waiting: Set<string>;
  /** Something in it could not be read: it stays, for the operator to look at. */
  keep: boolean;
}

/** The lock of a run's folder. Rejects when another process has it. */
export async function lockRun(dir: string): Promise<ReleaseLock> {
  await ensureFolder(dir, 0o700);
  const release = await lockFile(join(dir, 'lock'));
  if (!release) throw new Error(`another process holds the spool ${dir}`);
  return release;
}

/** Locks the folders of dead runs below `root`. `own`: this run's folder name. */
export async function findLeftovers(root: string, own: string, logger: Logger | undefined): Promise<Leftovers> {
  await ensureFolder(root, 0o700);
  const folders: Folder[] = [];
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === own) continue;
    const dir = join(root, entry.name);
    const release = await lockFile(join(dir, 'lock'));
    if (release) folders.push({ dir, release, waiting: new Set(), keep: false });
  }
  const busy = new Set<Promise<void>>();
  const track = (work: Promise<void>): void => {
    const tracked = work
      .catch((error: unknown) => logger?.warn({ err: error }, 'an archived spool could not be removed'))
      .finally(() => busy.delete(tracked));
    busy.add(tracked);
  };
  const leave = async (folder: Folder): Promise<void> => {
    folders.splice(folders.indexOf(folder), 1);
    await folder.release();
    if (!folder.keep) await rm(folder.dir, { recursive: true, force: true });
  };

  return {
    async each(take) {
      for (const folder of [...folders]) {
        for (const path of await spoolFilesOf(folder.dir)) {
          const leftover = await readLeftover(path, logger);
          if (leftover === null) folder.keep = true;
          else if (leftover.records.length > 0) {
            folder.waiting.add(path);
            take(leftover);
          }
        }
        if (folder.waiting.size === 0) await leave(folder);
      }
    },
    done(segment) {
      const folder = folders.find(({ waiting }) => waiting.delete(segment.path));
      if (!folder) return;
      track(folder.waiting.size === 0 ? leave(folder) : rm(segment.path, { force: true }));
    },
    async close() {
      while (busy.size > 0) await Promise.all(busy);
      for (const { release } of folders.splice(0)) await release();
    },
  };
}

async function readLeftover(path: string, logger: Logger | undefined): Promise<Leftover | null> {
  try {
    const { records, tornBytes, bytes } = await readSpoolFile(path);
    if (tornBytes > 0) logger?.warn({ path, tornBytes }, 'the spool of a dead run ends torn; nobody was told that this event is safe');
    return { segment: { path, live: 0, sealed: true, bytes }, records };
  } catch (error) {
    logger?.error(
      { err: error, path },
      'the spool of a dead run cannot be read; it stays where it is and may hold events that are not archived',
    );
    return null;
  }
}
