/** A file that is not whole yet lies beside its place, under a name of its own run, and goes when that run is dead. */
import { existsSync } from 'node:fs';
import { link, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { MigrationFault } from '../migration/fault.js';

/** Of processes of another machine or container only its silence tells: a living one writes on. */
const SILENT_MS = 3_600_000;

/** `<path>.<host>-<pid>.partial` */
export function partialOf(path: string): string {
  return `${path}.${host()}-${process.pid}.partial`;
}

const host = (): string =>
  hostname()
    .replace(/[^A-Za-z0-9]+/g, '_')
    .slice(0, 60);

export function taken(path: string): MigrationFault {
  return new MigrationFault(null, `${path} exists already; give another name`);
}

/** What runs to the same place left behind that were killed. `now`: ms since epoch. */
export async function removeForgotten(path: string, now: number): Promise<void> {
  const name = basename(path);
  for (const beside of await readdir(dirname(path)).catch((): string[] => [])) {
    const end = beside.startsWith(name) ? /^\.(?:(\w+)-(\d{1,10})\.)?partial$/.exec(beside.slice(name.length)) : null;
    if (end === null) continue;
    const file = join(dirname(path), beside);
    const isDead = end[1] === host() ? !isOfAnother(Number(end[2])) : await isSilent(file, now);
    if (isDead) await rm(file, { force: true });
  }
}

async function isSilent(file: string, now: number): Promise<boolean> {
  const facts = await stat(file).catch(() => null);
  return facts !== null && now - facts.mtimeMs > SILENT_MS;
}

/** Is it a living process other than this one? */
function isOfAnother(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Over nothing that came there meanwhile. Throws MigrationFault where something did. */
export async function moveTo(partial: string, path: string): Promise<void> {
  try {
    await link(partial, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw taken(path);
    // A file system without links, such as those of some network shares and USB sticks.
    if (existsSync(path)) throw taken(path);
    await rename(partial, path);
  }
}
