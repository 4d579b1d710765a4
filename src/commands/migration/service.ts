/** Imports asked for in the panel: a file comes in or lies on the server, runs beside the requests, and says how far it is. */
import { createWriteStream } from 'node:fs';
import { readdir, realpath, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Logger } from 'pino';
import { AppError } from '../../errors.js';
import type { Database } from '../../infra/database/port.js';
import { ensureFolder } from '../../infra/folder.js';
import { atTable, MigrationFault } from './fault.js';
import { type ImportDeps, importOld } from './importOld.js';
import { type OldInstallation, readOld } from './old/read.js';
import type { Progress } from './progress.js';
import { type MigrationRun, readRun, writeRun } from './runs.js';
import { openSource } from './source.js';

export interface ImportServiceDeps extends ImportDeps {
  readonly logger: Logger;
  readonly db: Database;
  /** Uploads lie here while they are read; files in it may be named. */
  readonly dataDir: string;
  /** The database of this node where it is a file: it is never opened a second time, which would loosen SQLite's locks on it. */
  readonly ownFile?: string;
  /** A further folder whose files may be named; empty: none. */
  readonly importDir: string;
  /** TOKEN_ENCRYPT_KEYs of this installation, which the old one may have had as well. */
  readonly ownKeys: readonly string[];
  /** Largest upload; default 2 GiB. */
  readonly maxUploadBytes?: number;
}

export interface ImportRequest {
  readonly source: { readonly upload: Readable } | { readonly path: string; readonly metricsPath?: string | undefined };
  readonly actor: string;
  readonly correlationId: string;
  readonly dryRun: boolean;
  readonly key?: string | undefined;
  readonly region?: string | undefined;
}

export interface ImportService {
  /** Resolves once the file is here and the run has begun. Refuses with `conflict` while one runs on this node. */
  start(request: ImportRequest): Promise<MigrationRun>;
  /** undefined: there is no such run. */
  progress(id: string): Promise<MigrationRun | undefined>;
  /** Waits for the run under way. */
  close(): Promise<void>;
}

const MOST_UPLOAD = 2 * 1024 ** 3;
const TELL_MS = 1_000;
const nothing: Progress = { tablesDone: 0, tablesTotal: 0, rowsDone: 0, rowsTotal: 0 };

export function createImportService(deps: ImportServiceDeps): ImportService {
  const runs = new Map<string, MigrationRun>();
  let busy = false;
  let running: Promise<void> = Promise.resolve();

  async function start(request: ImportRequest): Promise<MigrationRun> {
    if (busy)
      throw new AppError('conflict', {
        message: 'An import runs on this node already; wait for its end.',
        extra: { reason: 'import_running' },
      });
    busy = true;
    const id = deps.ids.short();
    try {
      const file = await fileOf(request, id, deps);
      const run: MigrationRun = { id, status: 'running', ...nothing, error: null, report: null };
      await writeRun(deps.db, run, deps.clock.now());
      // Of earlier runs the database knows.
      runs.clear();
      runs.set(id, run);
      running = work(request, id, file).finally(() => {
        busy = false;
      });
      return run;
    } catch (error) {
      busy = false;
      throw error;
    }
  }

  async function work(request: ImportRequest, id: string, file: SourceFile): Promise<void> {
    const update = (change: Partial<MigrationRun>): void => {
      const known = runs.get(id);
      if (known) runs.set(id, { ...known, ...change });
    };
    const keep = async (change: Partial<MigrationRun> = {}): Promise<void> => {
      const known = runs.get(id);
      if (known) await writeRun(deps.db, { ...known, ...change }, deps.clock.now());
    };
    // On SQLite this waits for the transaction of the import; there the one node answers from its memory.
    const timer = setInterval(() => void keep().catch(() => undefined), TELL_MS).unref();
    const end = await take(request, id, file, (progress) => update(progress)).then(
      (report): Partial<MigrationRun> => ({ status: 'completed', report }),
      (error: unknown): Partial<MigrationRun> => {
        const { table, reason } = atTable(null, error);
        deps.logger.warn({ err: error, migration: id, table }, 'an import failed and was rolled back');
        return { status: 'failed', error: { table, reason } };
      },
    );
    clearInterval(timer);
    await file.remove().catch((error: unknown) => deps.logger.warn({ err: error, migration: id }, 'an upload could not be removed'));
    await keep(end).catch((error: unknown) => deps.logger.warn({ err: error, migration: id }, 'the end of an import could not be noted'));
    // Last of all: whoever sees the end may start the next one.
    update(end);
  }

  async function take(request: ImportRequest, id: string, file: SourceFile, onProgress: (progress: Progress) => void) {
    const { actor, correlationId, dryRun, key, region } = request;
    return importOld(() => readFile(file), deps, {
      id,
      origin: file.origin,
      actor,
      correlationId,
      dryRun,
      keys: [...(key === undefined ? [] : [key]), ...deps.ownKeys],
      region,
      onProgress,
    });
  }

  return {
    start,
    progress: async (id) => runs.get(id) ?? readRun(deps.db, id, deps.clock.now()),
    close: () => running,
  };
}

interface SourceFile {
  readonly origin: 'upload' | 'path';
  readonly path: string;
  /** null: none; undefined: the one beside it. */
  readonly metrics: string | null | undefined;
  remove(): Promise<void>;
}

/** Of an upload nobody needs to know where it lay on the server, so neither faults nor warnings say it. */
async function readFile(file: SourceFile): Promise<OldInstallation> {
  if (file.origin === 'path') return readPath(file);
  const hidden = (text: string): string => text.replaceAll(file.path, 'the uploaded file');
  try {
    const old = await readPath(file);
    return { ...old, warnings: old.warnings.map(hidden) };
  } catch (error) {
    const fault = atTable(null, error);
    throw new MigrationFault(fault.table, hidden(fault.reason), { cause: error });
  }
}

async function readPath({ path, metrics }: SourceFile): Promise<OldInstallation> {
  const source = await openSource(path, metrics);
  try {
    if (source.kind === 'own') {
      throw new MigrationFault(
        null,
        "this is a single node's own database: move it into an empty installation with kirogate import, before its nodes start",
      );
    }
    return await readOld(source.main, source.metrics);
  } finally {
    await source.close();
  }
}

async function fileOf({ source }: ImportRequest, id: string, deps: ImportServiceDeps): Promise<SourceFile> {
  if ('upload' in source) return receive(source.upload, id, deps);
  const path = await allowedPath(source.path, 'path', deps);
  const metrics = source.metricsPath === undefined ? undefined : await allowedPath(source.metricsPath, 'metricsPath', deps);
  return { origin: 'path', path, metrics, remove: async () => undefined };
}

/** Only files of folders that the operator named: an admin of the panel is not the owner of the server. */
async function allowedPath(path: string, param: string, { dataDir, importDir, ownFile = '' }: ImportServiceDeps): Promise<string> {
  const real = async (folder: string): Promise<string | null> => (folder === '' ? null : realpath(folder).catch(() => null));
  const file = await real(path);
  const own = await Promise.all([real(ownFile), real(join(dataDir, 'node.lock'))]);
  if (file !== null && own.includes(file))
    throw new AppError('invalid_request', { message: `${param}: this is a database of this node itself.`, param });
  const folders = (await Promise.all([real(dataDir), real(importDir)])).filter((folder) => folder !== null);
  if (file !== null && folders.some((folder) => file.startsWith(folder + sep))) return file;
  const message = `${param}: there is no such file in DATA_DIR or IMPORT_DIR on this node.`;
  throw new AppError('invalid_request', { message, param });
}

async function receive(
  upload: Readable,
  id: string,
  { dataDir, clock, maxUploadBytes = MOST_UPLOAD }: ImportServiceDeps,
): Promise<SourceFile> {
  const folder = join(dataDir, 'uploads');
  await ensureFolder(folder, 0o700);
  await dropOld(folder, clock.now());
  const path = join(folder, `${id}.db`);
  const remove = (): Promise<void> => rm(path, { force: true });
  try {
    await pipeline(bounded(upload, maxUploadBytes), createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    return { origin: 'upload', path, metrics: null, remove };
  } catch (error) {
    await remove();
    // The rest is read and dropped: a client that still sends would find the connection reset and never see the answer.
    upload.on('error', () => undefined).resume();
    if (error instanceof AppError) throw error;
    throw new AppError('storage_unavailable', { message: 'The upload could not be stored.', retryAfterSeconds: 5, cause: error });
  }
}

/** Leaves `upload` open whatever happens: it is the connection that the answer goes back on. */
async function* bounded(upload: Readable, most: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of upload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most) throw new AppError('payload_too_large', { message: `The file is larger than ${most} bytes.` });
    yield chunk;
  }
}

const FORGOTTEN_MS = 86_400_000;

/** What a process left behind that was killed while it read an upload. */
async function dropOld(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const facts = await stat(path).catch(() => null);
    if (facts !== null && now - facts.mtimeMs > FORGOTTEN_MS) await rm(path, { force: true });
  }
}
