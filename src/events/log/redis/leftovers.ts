/** Spool folders: one a run, locked while it lives; a starting node takes over what dead runs left. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { ensureFolder } from '../../../infra/folder.js';
import { readSpoolFile, type SpoolRecord, type SpoolSegment, spoolFilesOf } from '../spool.js';
import { inTurn, isGone, type SpoolFolder, takeFolder } from './spoolFolder.js';

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

export interface LeftoversDeps {
  /** Folder of all spools. */
  readonly root: string;
  /** This run's folder name. */
  readonly own: string;
  readonly logger?: Logger | undefined;
}

interface Folder extends SpoolFolder {
  readonly waiting: Set<string>;
  /** Something in it could not be read: it stays, for the operator to look at. */
  keep: boolean;
}

/** Takes the folders of dead runs below `root`. Others may do so at the same time: each folder is taken by one, or is gone. */
export async function findLeftovers(deps: LeftoversDeps): Promise<Leftovers> {
  const { root, logger } = deps;
  await ensureFolder(root, 0o700);
  const folders = await inTurn(root, () => takeAll(deps));
  if (folders === null) logger?.warn({ path: root }, 'another node is in the way; what dead runs left there waits for the next start');
  return leftoversOf(folders ?? [], logger);
}

function leftoversOf(folders: Folder[], logger: Logger | undefined): Leftovers {
  const busy = new Set<Promise<void>>();
  const failed = (error: unknown): void => logger?.warn({ err: error }, 'an archived spool could not be removed');
  let last: Promise<void> = Promise.resolve();
  const track = (work: Promise<void>): void => {
    const tracked = work.catch(failed).finally(() => busy.delete(tracked));
    busy.add(tracked);
  };
  const leave = (folder: Folder): void => {
    const at = folders.indexOf(folder);
    // Left already, when the last of it was let go of while it was being read.
    if (at < 0) return;
    folders.splice(at, 1);
    // One after the other: they need one turn each.
    last = last.then(() => (folder.keep ? folder.release() : folder.remove())).catch(failed);
    track(last);
  };

  return {
    async each(take) {
      for (const folder of [...folders]) {
        for (const path of await filesOf(folder.dir)) {
          const leftover = await readLeftover(path, logger);
          if (leftover === null) folder.keep = true;
          else if (leftover.records.length > 0) {
            folder.waiting.add(path);
            take(leftover);
          }
        }
        if (folder.waiting.size === 0) leave(folder);
      }
    },
    done(segment) {
      const folder = folders.find(({ waiting }) => waiting.delete(segment.path));
      if (!folder) return;
      if (folder.waiting.size === 0) leave(folder);
      else track(rm(segment.path, { force: true }));
    },
    async close() {
      // What is archived goes before another start may look.
      while (busy.size > 0) await Promise.all(busy);
      for (const { release } of folders.splice(0)) await release();
    },
  };
}

async function takeAll({ root, own, logger }: LeftoversDeps): Promise<Folder[]> {
  const folders: Folder[] = [];
  for (const entry of await readdir(root, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === own) continue;
    try {
      const folder = await takeFolder(root, entry.name);
      if (folder) folders.push({ ...folder, waiting: new Set(), keep: false });
    } catch (error) {
      const path = join(root, entry.name);
      logger?.error({ err: error, path }, 'the spool of a dead run cannot be used; it stays and may hold events that are not archived');
    }
  }
  return folders;
}

/** None where somebody removed the folder by hand. */
async function filesOf(dir: string): Promise<readonly string[]> {
  try {
    return await spoolFilesOf(dir);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

async function readLeftover(path: string, logger: Logger | undefined): Promise<Leftover | null> {
  try {
    const { records, tornBytes, bytes } = await readSpoolFile(path);
    if (tornBytes > 0) logger?.warn({ path, tornBytes }, 'the spool of a dead run ends torn; nobody was told that this event is safe');
    return { segment: { path, live: 0, sealed: true, bytes }, records };
  } catch (error) {
    if (isGone(error)) return { segment: { path, live: 0, sealed: true, bytes: 0 }, records: [] };
    logger?.error(
      { err: error, path },
      'the spool of a dead run cannot be read; it stays where it is and may hold events that are not archived',
    );
    return null;
  }
}
