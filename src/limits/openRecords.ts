/** Begun requests on disk: written before the upstream is called, closed after the terminal event is safe, found again after a crash. */
import type { Logger } from 'pino';
import { z } from 'zod';
import { type AppendFile, openAppendFile } from '../infra/appendFile.js';
import type { OpenRecord } from './port.js';

/** Rewrite the file once it holds so many lines more than there are open records, and twice as many at least. */
const COMPACT_AFTER = 32_768;

export interface OpenRecords {
  /** Resolves when the record outlives the process. A later attempt of the same request takes its place. */
  begin(record: OpenRecord): Promise<void>;
  /** Closes the request's record. Never rejects: a record that stays is found again, and its terminal event is dropped as a duplicate. */
  end(requestId: string): Promise<void>;
  /** Records of earlier runs that are not closed, oldest first. */
  abandoned(): readonly OpenRecord[];
  close(): Promise<void>;
}

const recordSchema = z.object({
  requestId: z.string(),
  terminalEventId: z.string(),
  attemptId: z.string(),
  attempt: z.int(),
  tokenId: z.string(),
  userId: z.string(),
  keyId: z.string(),
  period: z.object({ day: z.string(), month: z.string() }),
  facts: z.object({ endpoint: z.string(), model: z.string(), stream: z.boolean(), startedAt: z.number() }),
  metered: z.boolean(),
});
const lineSchema = z.union([z.object({ begin: recordSchema }), z.object({ end: z.string() })]);
type Line = z.output<typeof lineSchema>;

/** For tests and for what need not survive. `found`: what an earlier run is to have left behind. */
export function createMemoryOpenRecords(found: readonly OpenRecord[] = []): OpenRecords {
  const left = new Map(found.map((record) => [record.requestId, record]));
  return {
    begin: () => Promise.resolve(),
    end(requestId) {
      left.delete(requestId);
      return Promise.resolve();
    },
    abandoned: () => [...left.values()],
    close: () => Promise.resolve(),
  };
}

export interface OpenRecordsOptions {
  readonly path: string;
  readonly logger?: Logger;
  /** Lines beyond the open records that make a rewrite worth it. */
  readonly compactAfter?: number;
}

/** Opens the file, made where missing; one process at a time. Throws when it is something else. */
export async function openFileOpenRecords(options: OpenRecordsOptions): Promise<OpenRecords> {
  const file = await openAppendFile({ path: options.path });
  const open = new Map<string, OpenRecord>();
  for (const found of file.found) replay(open, found, options.logger);
  return new FileOpenRecords(file, open, file.found.length, options);
}

function replay(open: Map<string, OpenRecord>, found: Buffer, logger: Logger | undefined): void {
  const line = parseLine(found);
  if (line === undefined) logger?.error({ bytes: found.length }, 'an open record could not be read and is skipped');
  else if ('end' in line) open.delete(line.end);
  else {
    open.delete(line.begin.requestId);
    open.set(line.begin.requestId, line.begin);
  }
}

function parseLine(bytes: Buffer): Line | undefined {
  try {
    return lineSchema.safeParse(JSON.parse(bytes.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

const encode = (line: Line): Buffer => Buffer.from(JSON.stringify(line));

class FileOpenRecords implements OpenRecords {
  readonly #file: AppendFile;
  readonly #open: Map<string, OpenRecord>;
  readonly #earlier: Set<string>;
  readonly #logger: Logger | undefined;
  readonly #compactAfter: number;
  #lines: number;
  #compacting: Promise<void> | undefined;

  constructor(file: AppendFile, open: Map<string, OpenRecord>, lines: number, options: OpenRecordsOptions) {
    this.#file = file;
    this.#open = open;
    this.#earlier = new Set(open.keys());
    this.#lines = lines;
    this.#logger = options.logger;
    this.#compactAfter = options.compactAfter ?? COMPACT_AFTER;
    this.#compactWhenDue();
  }

  async begin(record: OpenRecord): Promise<void> {
    const before = this.#open.get(record.requestId);
    this.#open.set(record.requestId, record);
    this.#lines += 1;
    try {
      await this.#file.append(encode({ begin: record }));
    } catch (error) {
      // A record of an attempt that never came to be must not come back with the next rewrite.
      if (this.#open.get(record.requestId) === record) {
        if (before === undefined) this.#open.delete(record.requestId);
        else this.#open.set(record.requestId, before);
      }
      throw error;
    }
    this.#compactWhenDue();
  }

  async end(requestId: string): Promise<void> {
    if (!this.#open.delete(requestId)) return;
    this.#earlier.delete(requestId);
    this.#lines += 1;
    this.#compactWhenDue();
    try {
      await this.#file.append(encode({ end: requestId }));
    } catch (error) {
      this.#logger?.error({ err: error, requestId }, 'an open record could not be closed; the next start finds it again');
    }
  }

  abandoned(): readonly OpenRecord[] {
    return [...this.#earlier].flatMap((requestId) => this.#open.get(requestId) ?? []);
  }

  async close(): Promise<void> {
    await this.#compacting;
    await this.#file.close();
  }

  /** The file stays within a few times what is open: old lines go in one step, later ones are written behind it. */
  #compactWhenDue(): void {
    if (this.#compacting !== undefined || this.#lines < 2 * this.#open.size + this.#compactAfter) return;
    const records = [...this.#open.values()].map((record) => encode({ begin: record }));
    this.#lines = records.length;
    this.#compacting = this.#file
      .rewrite(records)
      .catch((error: unknown) => this.#logger?.error({ err: error }, 'the file of open records could not be compacted'))
      .finally(() => {
        this.#compacting = undefined;
      });
  }
}
