/** Makes folders one by one: Node's recursive mkdir spins for ever where the file system answers ENOENT to a mkdir (for example under /proc). */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes the folder and what is missing above it. Rejects with the system's error, naming the path. */
export async function ensureFolder(path: string, mode?: number): Promise<void> {
  if ((await tryMake(path, mode)) === 'made') return;
  const parent = dirname(path);
  if (parent !== path) await ensureFolder(parent, mode);
  await mkdir(path, mode).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

async function tryMake(path: string, mode: number | undefined): Promise<'made' | 'no parent'> {
  try {
    await mkdir(path, mode);
    return 'made';
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return 'made';
    if (codeOf(error) === 'ENOENT') return 'no parent';
    throw error;
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
