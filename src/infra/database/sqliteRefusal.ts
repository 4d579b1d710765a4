/** A SQLite database that cannot be opened: what the system refused, and what the attempt left beside the file. */
import { rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * A log that could not be begun is left by the engine: empty, with an index cut short, on which nobody can be at work. Readers
 * would take them for a sign of somebody who is.
 */
export async function dropStumps(path: string): Promise<void> {
  const bytes = async (file: string): Promise<number> => (await stat(file).catch(() => ({ size: 0 }))).size;
  if ((await bytes(`${path}-wal`)) > 0 || (await bytes(`${path}-shm`)) >= LEAST_INDEX_BYTES) return;
  for (const file of [`${path}-wal`, `${path}-shm`]) await rm(file, { force: true }).catch(() => undefined);
}

const LEAST_INDEX_BYTES = 32_768;

/** SQLite says "disk I/O error" of whatever the system refused: writing a little beside the file tells what. */
export async function whyNot(path: string, error: unknown): Promise<string> {
  if (codeOf(error) === 'SQLITE_NOTADB') return 'the file is not a SQLite database; check DATABASE_URL';
  const said = error instanceof Error ? error.message : String(error);
  const written = `${dirname(path)}/.kirogate-${process.pid}.probe`;
  try {
    await writeFile(written, Buffer.alloc(PROBE_BYTES), { flag: 'wx', mode: 0o600, flush: true });
  } catch (refusal) {
    const code = codeOf(refusal);
    if (code === 'ENOSPC' || code === 'EDQUOT') return `${said}: the disk of ${dirname(path)} is full (${code}); free some disk space`;
    if (code !== 'ENOENT') return `${said}: ${dirname(path)} takes no new file of ${PROBE_BYTES} bytes (${code})`;
  } finally {
    await rm(written, { force: true }).catch(() => undefined);
  }
  return `${said}; check DATABASE_URL and the rights on file and folder`;
}

/** As much as the smallest write-ahead log with its index. */
const PROBE_BYTES = 65_536;

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');
