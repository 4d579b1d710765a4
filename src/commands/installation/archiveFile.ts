/** A backup as one file: lines of JSON, compressed, with what they must add up to at the end; private to its owner. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, rmSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { z } from 'zod';
import { MigrationFault } from '../migration/fault.js';
import type { Chunk, Dump, Facts } from './dump.js';
import type { LoadSource } from './load.js';
import { moveTo, partialOf, removeForgotten, taken } from './partialFile.js';
import { createSums, differingTable, type TableSum } from './sums.js';

const FORMAT = 'kirogate-backup';
const VERSION = 1;

const head = z.object({ position: z.number(), hash: z.string() });
const cell = z.union([z.string(), z.number(), z.null()]);
const headerLine = z.object({
  format: z.literal(FORMAT),
  version: z.number(),
  product: z.string(),
  takenAt: z.string(),
  facts: z.object({
    schema: z.number(),
    eventPartitions: z.number(),
    createdAt: z.number(),
    keyIds: z.array(z.string()),
    heads: z.record(z.string(), head),
  }),
});
const chunkLine = z.object({ t: z.string(), c: z.array(z.string()), r: z.array(z.array(cell)) });
const endLine = z.object({ end: z.record(z.string(), z.object({ rows: z.number(), sum: z.string() })), sha256: z.string() });

export interface BackupOptions {
  readonly path: string;
  readonly product: string;
  /** ms since epoch */
  readonly now: number;
  readonly onProgress?: (progress: { readonly table: string; readonly rows: number }) => void;
  /** Hears how what is begun can be taken back at once, should the process be told to end; its answer is called afterwards. */
  readonly guard?: (undo: () => void) => () => void;
  /** For tests: where the bytes go instead of the disk. */
  readonly sink?: (path: string) => Writable;
}

/** Writes beside `path` and moves it there when it is whole and on disk. Throws MigrationFault; then nothing is left. */
export async function writeArchiveFile(dump: Dump, options: BackupOptions): Promise<Readonly<Record<string, TableSum>>> {
  const { path } = options;
  if (existsSync(path)) throw taken(path);
  await removeForgotten(path, options.now);
  const partial = partialOf(path);
  const sink = options.sink ?? ((file: string) => createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }));
  const done = options.guard?.(() => rmSync(partial, { force: true }));
  try {
    await pipeline(Readable.from(lines(dump, options)), createGzip(), sink(partial));
    await moveTo(partial, path);
  } catch (error) {
    if (error instanceof MigrationFault) throw error;
    throw new MigrationFault(null, `the backup cannot be written to ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  } finally {
    await rm(partial, { force: true });
    done?.();
  }
  return dump.sums();
}

async function* lines(dump: Dump, { product, now, onProgress }: BackupOptions): AsyncGenerator<string> {
  const digest = createHash('sha256');
  const line = (value: unknown): string => {
    const text = `${JSON.stringify(value)}\n`;
    digest.update(text);
    return text;
  };
  yield line({ format: FORMAT, version: VERSION, product, takenAt: new Date(now).toISOString(), facts: dump.facts });
  for await (const { table, columns, rows } of dump.chunks()) {
    yield line({ t: table, c: columns, r: rows });
    onProgress?.({ table, rows: rows.length });
  }
  yield `${JSON.stringify({ end: dump.sums(), sha256: digest.digest('hex') })}\n`;
}

export interface ArchiveFile extends LoadSource {
  /** ISO 8601 */
  readonly takenAt: string;
  close(): Promise<void>;
}

/** Throws MigrationFault for what is no backup of ours; damage further in is found while its chunks are read. */
export async function openArchiveFile(path: string): Promise<ArchiveFile> {
  await mustBeGzip(path);
  const input = createReadStream(path);
  const unpacked = input.pipe(createGunzip());
  // Faults of either end reach whoever reads the lines.
  input.once('error', (error) => unpacked.destroy(error));
  const reader = createInterface({ input: unpacked, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  const failed = new Promise<never>((_, reject) => unpacked.once('error', reject));
  failed.catch(() => undefined);
  const digest = createHash('sha256');
  const next = async (): Promise<string | null> => {
    try {
      const { value, done } = await Promise.race([reader.next(), failed]);
      return done === true ? null : (value as string);
    } catch (error) {
      throw damaged(path, error);
    }
  };
  const close = async (): Promise<void> => {
    unpacked.destroy();
    input.destroy();
  };
  try {
    const first = await next();
    const header = headerLine.safeParse(parsed(first));
    if (!header.success) throw new MigrationFault(null, `${path} is no backup of KiroGate`);
    if (header.data.version !== VERSION)
      throw new MigrationFault(null, `${path} is a backup of form ${header.data.version}; this build reads ${VERSION}`);
    digest.update(`${first}\n`);
    return { ...contentsOf(path, header.data.facts, next, digest), takenAt: header.data.takenAt, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function contentsOf(path: string, facts: Facts, next: () => Promise<string | null>, digest: Hash): LoadSource {
  let found: Readonly<Record<string, TableSum>> | undefined;
  return {
    facts,
    async *chunks(): AsyncGenerator<Chunk> {
      const sums = createSums();
      for (;;) {
        const line = await next();
        if (line === null) throw new MigrationFault(null, `${path} is cut off: its end is missing`);
        const value = parsed(line);
        const end = endLine.safeParse(value);
        if (end.success) {
          if (end.data.sha256 !== digest.digest('hex') || differingTable(end.data.end, sums.result()) !== null)
            throw damaged(path, 'its checksum does not fit');
          found = end.data.end;
          return;
        }
        const chunk = chunkLine.safeParse(value);
        if (!chunk.success) throw damaged(path, 'a line is not readable');
        digest.update(`${line}\n`);
        sums.add(chunk.data.t, chunk.data.c, chunk.data.r);
        yield { table: chunk.data.t, columns: chunk.data.c, rows: chunk.data.r };
      }
    },
    sums() {
      if (found === undefined) throw new MigrationFault(null, `${path} was not read to its end`);
      return found;
    },
  };
}

async function mustBeGzip(path: string): Promise<void> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
      if (bytesRead < 2 || buffer[0] !== 0x1f || buffer[1] !== 0x8b) throw new MigrationFault(null, `${path} is no backup of KiroGate`);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof MigrationFault) throw error;
    throw new MigrationFault(null, `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`, { cause: error });
  }
}

function damaged(path: string, cause: unknown): MigrationFault {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const cut = /unexpected end of file/i.test(reason);
  return new MigrationFault(
    null,
    cut ? `${path} is cut off: its end is missing` : `${path} is damaged: ${reason}`,
    cause instanceof Error ? { cause } : {},
  );
}

function parsed(line: string | null): unknown {
  try {
    return JSON.parse(line ?? '');
  } catch {
    return undefined;
  }
}
