/** Reads what the directory has to look at of the control events: a page of them, or of very many only those that may change what is known. */
import { partitionHeads } from '../events/archive.js';
import { type EventMark, readMarks } from '../events/archiveLookup.js';
import { CONTROL_PARTITION } from '../events/define.js';
import type { Queryable } from '../infra/database/port.js';
import { touchedByData } from './directoryTouched.js';
import { endedByData } from './endedSessions.js';
import { CREATIONS, type Span } from './newcomers.js';

/** Events of one look; of one that leaves out what is only new. */
const PAGE = 1_000;
const LARGE_PAGE = 5_000;
const withData = [...touchedByData, ...endedByData];

export interface Changes {
  readonly events: readonly EventMark[];
  /** Up to here no other event changes anything that is known. */
  readonly upTo: number;
  /** Is there nothing beyond? */
  readonly isAll: boolean;
  /** Where creations were left out. */
  readonly created: Span | null;
}

/** Control events after a position. */
export async function readChanges(db: Queryable, after: number): Promise<Changes> {
  const events = await readMarks(db, CONTROL_PARTITION, { after, limit: PAGE, withData });
  if (events.length < PAGE) return { events, upTo: events.at(-1)?.position ?? after, isAll: true, created: null };
  // First the end, then what lies before it: nothing can come in between any more.
  const head = (await partitionHeads(db)).get(CONTROL_PARTITION)?.position ?? 0;
  const some = await readMarks(db, CONTROL_PARTITION, { after, upTo: head, limit: LARGE_PAGE, withData, except: CREATIONS });
  const isAll = some.length < LARGE_PAGE;
  const upTo = isAll ? head : (some.at(-1)?.position ?? head);
  return { events: some, upTo, isAll, created: { after, upTo } };
}

/** The first `limit` creations of a span, in order. */
export function readCreated(db: Queryable, span: Span, limit: number): Promise<EventMark[]> {
  return readMarks(db, CONTROL_PARTITION, { ...span, limit, withData, only: CREATIONS });
}
