/** A batch that the archive refuses for its content, taken apart: the entry at fault is archived as a stand-in, all others as they are. */
import type { NewEvent } from '../../events/define.js';
import type { LogEntry } from '../../events/log/port.js';
import { DatabaseError } from '../../infra/database/errors.js';
import { derivedUuid } from '../../shared/ids.js';
import { safeText } from '../../shared/safeText.js';
import { type BatchResult, isOfThePlace } from './batch.js';
import { isForContent } from './fold.js';

/** Writes some entries in one transaction of their own. */
type Commit = (entries: readonly LogEntry[], cursors: ReadonlyMap<string, string>) => Promise<BatchResult>;

/**
 * Partition by partition, and in a partition by halves. One that cannot even take the stand-in keeps none of the others
 * back; its error is thrown when they are done. `cursors` and `now` as for `ingestBatch`.
 */
export async function commitApart(
  commit: Commit,
  entries: readonly LogEntry[],
  cursors: ReadonlyMap<string, string>,
  now: number,
): Promise<BatchResult> {
  const reached = new Map(cursors);
  const done: BatchResult[] = [];
  const faults: unknown[] = [];
  const write = async (some: readonly LogEntry[]): Promise<void> => {
    const result = await commit(some, reached);
    for (const { partition, cursor } of result.watermarks) reached.set(partition, cursor);
    done.push(result);
  };
  const take = async (some: readonly LogEntry[]): Promise<void> => {
    try {
      await write(some);
    } catch (error) {
      const [only] = some;
      if (only === undefined || !isOfContent(error)) throw error;
      if (some.length === 1) return write([standIn(only, error, now)]);
      await take(some.slice(0, some.length >> 1));
      await take(some.slice(some.length >> 1));
    }
  };
  for (const partition of [...new Set(entries.map((entry) => entry.partition))].sort()) {
    try {
      await take(entries.filter((entry) => entry.partition === partition));
    } catch (error) {
      if (!isOfContent(error)) throw error;
      faults.push(error);
    }
  }
  if (faults.length > 0) throw faults[0];
  return together(done);
}

/** Values that do not fit, broken rules and limits of the store; a damaged index, say, is no fault of an event. */
const contentCodes = /^(22|23|54|XX000$|SQLITE_(TOOBIG|MISMATCH|CONSTRAINT|RANGE))/;

function isOfContent(error: unknown): boolean {
  if (isOfThePlace(error) || !isForContent(error)) return false;
  const cause = error instanceof DatabaseError ? error.cause : undefined;
  return !(cause instanceof Error && 'code' in cause) || contentCodes.test(String(cause.code));
}

/** Most that is kept of the texts of an entry, and of its data. */
const KEPT_TEXT = 300;
const KEPT_DATA = 64 * 1024;

/** As the log does with an entry that it cannot read: version 0, which no type has, so that projections park it and say why. */
function standIn({ partition, cursor, src, n, event, json }: LogEntry, error: unknown, now: number): LogEntry {
  const { id, type, source, subject, partitionkey, actor, correlationid, causationid } = event;
  const texts = { id, type, source, subject, key: partitionkey, actor, corr: correlationid ?? '', cause: causationid ?? '' };
  const data = {
    unreadable: safeText(error instanceof Error ? error.message : String(error), 300),
    cursor: safeText(cursor, KEPT_TEXT),
    fields: [
      ...Object.entries(texts).flatMap(([name, text]) => [name, safeText(text, KEPT_TEXT)]),
      'data',
      safeText(json ?? textOf(event.data), KEPT_DATA),
    ],
  };
  const stand: NewEvent = {
    id: derivedUuid(JSON.stringify([partition, cursor, src, n]), now),
    type: /^kirogate\.[a-z.-]{1,100}$/.test(type) ? type : 'kirogate.log.unreadable',
    source: '/kirogate/log',
    subject: `log/${partition}`,
    time: event.time,
    data,
    dataversion: 0,
    partitionkey: `log/${partition}`,
    actor: 'system',
    correlationid: null,
    causationid: null,
  };
  // Its counter goes on: a producer that sends it again is told that it is archived.
  return { partition, cursor, src: /^[\x20-\x7e]{1,200}$/.test(src) ? src : `unreadable:${cursor}`, n, event: stand };
}

function textOf(data: unknown): string {
  try {
    return JSON.stringify(data) ?? 'null';
  } catch {
    return '';
  }
}

/** Watermarks of the same partition: the last one counts. */
function together(results: readonly BatchResult[]): BatchResult {
  const marks = new Map<string, BatchResult['watermarks'][number]>();
  for (const { partition, cursor, producers } of results.flatMap(({ watermarks }) => watermarks)) {
    const all = new Map(marks.get(partition)?.producers);
    for (const [src, n] of producers) all.set(src, Math.max(all.get(src) ?? 0, n));
    marks.set(partition, { partition, cursor, producers: all });
  }
  const sum = (count: (result: BatchResult) => number): number => results.reduce((total, result) => total + count(result), 0);
  return {
    watermarks: [...marks.values()],
    archived: sum(({ archived }) => archived),
    duplicates: sum(({ duplicates }) => duplicates),
    unknownTypes: sum(({ unknownTypes }) => unknownTypes),
    parked: results.flatMap(({ parked }) => parked),
  };
}
