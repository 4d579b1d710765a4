/** An event as a row of the archive, and the rolling hash that chains the rows of a partition. */
import { hash } from 'node:crypto';
import { type SQLQuery, sql } from '../infra/database/port.js';
import type { ColumnType } from '../infra/database/rows.js';
import { unreadableData } from './cloudEvent.js';
import type { NewEvent, StoredEvent } from './define.js';

export interface ArchiveRow {
  readonly partition: string;
  readonly position: number;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly source: string;
  readonly time: number;
  readonly dataversion: number;
  readonly partitionkey: string;
  readonly actor: string;
  readonly correlationid: string | null;
  readonly causationid: string | null;
  /** JSON, byte for byte what the hash covers. */
  readonly data: string;
  readonly hash: string;
}

export const archiveColumns = {
  partition: 'text',
  position: 'bigint',
  id: 'text',
  type: 'text',
  subject: 'text',
  source: 'text',
  time: 'bigint',
  dataversion: 'bigint',
  partitionkey: 'text',
  actor: 'text',
  correlationid: 'text',
  causationid: 'text',
  data: 'text',
  hash: 'text',
} as const satisfies Record<keyof ArchiveRow, ColumnType>;

export const archiveColumnList: SQLQuery = sql.join(
  Object.keys(archiveColumns).map((name) => sql.ident(name)),
  ', ',
);

/** What the hash of a row covers, in an order that never changes: the envelope, a line break (JSON has none of its own), the data. */
function canonical(row: Omit<ArchiveRow, 'hash'>): string {
  const envelope = JSON.stringify([
    row.partition,
    row.position,
    row.id,
    row.type,
    row.subject,
    row.source,
    row.time,
    row.dataversion,
    row.partitionkey,
    row.actor,
    row.correlationid,
    row.causationid,
  ]);
  return `${envelope}\n${row.data}`;
}

/** SHA-256 (hex) over the hash of the row before and this row: changing, removing or moving any row breaks all after it. */
export function chainHash(previous: string, row: Omit<ArchiveRow, 'hash'>): string {
  return hash('sha256', `${previous}\n${canonical(row)}`, 'hex');
}

/** An event to archive; `json`: its data as JSON, where somebody has rendered it already. */
export interface Rendered {
  readonly event: NewEvent;
  readonly json?: string;
}

/** The row of a new event. Never throws on content: what an engine would refuse is made harmless first. */
export function toRow({ event, json }: Rendered, partition: string, position: number, previousHash: string): ArchiveRow {
  const row = {
    partition,
    position,
    id: storable(event.id),
    type: storable(event.type),
    subject: storable(event.subject),
    source: storable(event.source),
    time: storableTime(event.time),
    dataversion: Number.isSafeInteger(event.dataversion) ? event.dataversion : 0,
    partitionkey: storable(event.partitionkey),
    actor: storable(event.actor),
    correlationid: event.correlationid === null ? null : storable(event.correlationid),
    causationid: event.causationid === null ? null : storable(event.causationid),
    data: json ?? JSON.stringify(event.data) ?? 'null',
  };
  return { ...row, hash: chainHash(previousHash, row) };
}

export function fromRow(row: ArchiveRow): StoredEvent {
  return withData(row, dataOf(row.data));
}

/** Data that somebody has broken in the database is marked, so that it stops no reader; the hashes tell of it. */
export function dataOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return unreadableData;
  }
}

/** `fromRow` where the row's data is at hand. */
export function withData(row: ArchiveRow, data: unknown): StoredEvent {
  return {
    id: row.id,
    type: row.type,
    source: row.source,
    subject: row.subject,
    time: row.time,
    data,
    dataversion: row.dataversion,
    partitionkey: row.partitionkey,
    actor: row.actor,
    correlationid: row.correlationid,
    causationid: row.causationid,
    partition: row.partition,
    position: row.position,
  };
}

/** PostgreSQL refuses NUL in text, and UTF-8 has no lone surrogates. (Inside `data` JSON escapes both.) */
export function storable(text: string): string {
  return text.includes('\0') || !text.isWellFormed() ? text.toWellFormed().replaceAll('\0', '\ufffd') : text;
}

/** The span that ISO 8601 with four-digit years can show. */
const LAST_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

function storableTime(time: number): number {
  return Number.isFinite(time) ? Math.min(Math.max(Math.trunc(time), 0), LAST_TIME) : 0;
}
