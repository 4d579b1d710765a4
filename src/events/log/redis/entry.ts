/** An event as an entry of a stream (contract §7): encoded once by its producer, parsed strictly by every reader. */
import { hash } from 'node:crypto';
import type { RedisReply } from '../../../infra/redis/connection.js';
import { isTextDeeper } from '../../../shared/nesting.js';
import type { NewEvent } from '../../define.js';
import type { LogEntry } from '../port.js';
import { msOfId } from './keys.js';

/**
 * An entry as the append script takes it: n, id, type, subject, time, source, v, key, actor, corr and cause in one text,
 * and the data. Two arguments an event instead of twelve: half the client's CPU.
 */
export type EntryValues = readonly [envelope: string, data: string];

/** Between the values of an envelope (the unit separator of ASCII). */
const SEPARATOR = '\u001f';

/** Fields of an entry as the append script writes them; control events have `pos` behind. */
const FIELDS = ['id', 'type', 'subject', 'time', 'source', 'v', 'key', 'actor', 'corr', 'cause', 'src', 'n', 'data'] as const;
type Field = (typeof FIELDS)[number];

/** Throws what JSON throws on data that is none. */
export function encodeEntry(event: NewEvent, n: number): EntryValues {
  const { id, type, subject, time, source, dataversion, partitionkey, actor, correlationid, causationid } = event;
  const corr = plain(correlationid ?? '');
  const cause = plain(causationid ?? '');
  const head = `${n}${SEPARATOR}${plain(id)}${SEPARATOR}${plain(type)}${SEPARATOR}${plain(subject)}${SEPARATOR}${timeText(time)}`;
  const tail = `${plain(source)}${SEPARATOR}${dataversion}${SEPARATOR}${plain(partitionkey)}${SEPARATOR}${plain(actor)}`;
  return [`${head}${SEPARATOR}${tail}${SEPARATOR}${corr}${SEPARATOR}${cause}`, JSON.stringify(event.data) ?? 'null'];
}

/** Ids and names of ours hold no control characters; should one come, the entry must stay readable all the same. */
const plain = (text: string): string => (text.includes(SEPARATOR) ? text.replaceAll(SEPARATOR, '\ufffd') : text);

/** ISO 8601 where a date can say it. */
function timeText(time: number): string {
  return Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : `${time}`;
}

/** What is wrong with an entry that is no event. */
export class UnreadableEntry extends Error {
  override readonly name = 'UnreadableEntry';
}

/**
 * Most that a reader takes, in UTF-16 units: what the archive's indexes hold of a row (2,704 bytes on PostgreSQL) has room
 * for any text of these lengths, and no data of ours comes near theirs.
 */
const MOST_NAME = 200;
const MOST_TEXT = 500;
const MOST_DATA = 256 * 1024;
const MOST_DEPTH = 64;

/** Parses one entry of an XREAD or XRANGE reply. Throws UnreadableEntry. */
export function parseEntry(partition: string, cursor: string, fields: RedisReply): LogEntry {
  const text = fieldReader(fields);
  const n = whole('n', text('n'));
  const src = sourceOf(text('src'));
  const json = bounded('data', text('data'), MOST_DATA);
  return {
    partition,
    cursor,
    src,
    n,
    // Entries of others may be laid out over lines.
    ...(/[\n\r]/.test(json) ? {} : { json }),
    event: {
      id: filled('id', bounded('id', text('id'), MOST_NAME)),
      type: filled('type', bounded('type', text('type'), MOST_NAME)),
      source: bounded('source', text('source'), MOST_NAME),
      subject: filled('subject', bounded('subject', text('subject'), MOST_TEXT)),
      time: timeOf(text('time')),
      data: dataOf(json),
      dataversion: whole('v', text('v')),
      partitionkey: bounded('key', text('key'), MOST_TEXT),
      actor: bounded('actor', text('actor'), MOST_TEXT),
      correlationid: bounded('corr', text('corr'), MOST_TEXT) || null,
      causationid: bounded('cause', text('cause'), MOST_TEXT) || null,
    },
  };
}

/** Entries of our script have their fields in order; those of others may have them in any. */
function fieldReader(fields: RedisReply): (field: Field) => string {
  if (!Array.isArray(fields)) throw new UnreadableEntry('the entry has no fields');
  const list = fields as readonly RedisReply[];
  const inOrder = FIELDS.every((name, index) => list[index * 2] === name);
  return (field) => {
    const at = inOrder ? FIELDS.indexOf(field) * 2 : list.findIndex((name, index) => index % 2 === 0 && name === field);
    const value = at < 0 ? undefined : list[at + 1];
    if (typeof value !== 'string') throw new UnreadableEntry(`the field ${field} is missing`);
    return value;
  };
}

function bounded(field: Field, value: string, most: number): string {
  if (value.length > most) throw new UnreadableEntry(`the field ${field} is longer than ${most} characters`);
  return value;
}

/** A run's name goes to the database as it is, and PostgreSQL takes no NUL. */
function sourceOf(value: string): string {
  if (/[\u0000-\u001f\u007f]/.test(value)) throw new UnreadableEntry('the field src holds control characters');
  return filled('src', bounded('src', value, MOST_NAME));
}

function filled(field: Field, value: string): string {
  if (value === '') throw new UnreadableEntry(`the field ${field} is empty`);
  return value;
}

function whole(field: Field, value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number) || number < 1) throw new UnreadableEntry(`the field ${field} is no counter`);
  return number;
}

function timeOf(value: string): number {
  const time = Date.parse(value);
  if (!Number.isFinite(time)) throw new UnreadableEntry('the field time is no ISO 8601 time');
  return time;
}

/** What lies too deep could be parsed, and never be written again. */
function dataOf(value: string): unknown {
  if (isTextDeeper(value, MOST_DEPTH)) throw new UnreadableEntry(`the field data is nested deeper than ${MOST_DEPTH} levels`);
  try {
    return JSON.parse(value);
  } catch {
    throw new UnreadableEntry('the field data is no JSON');
  }
}

/** Most that is kept of a text in an entry that cannot be read. */
const KEPT_TEXT = 300;
const KEPT_FIELDS = 32;

/**
 * What stands in the log for an entry that is no event, so that readers get past it and it is archived once: of the
 * type that it names (otherwise `kirogate.log.unreadable`), with version 0, which no type has, so that projections
 * park it and say why. Its id comes from place and content, and it counts as a producer of its own.
 */
export function unreadableEntry(partition: string, cursor: string, fields: RedisReply, reason: string): LogEntry {
  const texts = (Array.isArray(fields) ? fields : []).slice(0, KEPT_FIELDS * 2).map((text) => String(text).slice(0, KEPT_TEXT));
  const named = texts.findIndex((text, index) => index % 2 === 0 && text === 'type');
  const type = /^kirogate\.[a-z.-]{1,100}$/.exec(texts[named + 1] ?? '')?.[0] ?? 'kirogate.log.unreadable';
  return {
    partition,
    cursor,
    src: `unreadable:${cursor}`,
    n: 1,
    event: {
      id: idOf(partition, cursor, texts),
      type,
      source: '/kirogate/log',
      subject: `log/${partition}`,
      time: msOfId(cursor),
      data: { unreadable: reason, cursor, fields: texts },
      dataversion: 0,
      partitionkey: `log/${partition}`,
      actor: 'system',
      correlationid: null,
      causationid: null,
    },
  };
}

/** A UUIDv7 that every reader of the entry mints alike. */
function idOf(partition: string, cursor: string, texts: readonly string[]): string {
  const digest = hash('sha256', JSON.stringify([partition, cursor, texts]), 'hex');
  const ms = msOfId(cursor).toString(16).padStart(12, '0').slice(-12);
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${digest.slice(0, 3)}-8${digest.slice(3, 6)}-${digest.slice(6, 18)}`;
}
