/** Audit: what admins and members changed, who did it, to what, when; never what the system did by itself. */

import type { StoredEvent } from '../events/define.js';
import { eventTypes } from '../events/index.js';
import { type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import { type Columns, identifiers, type Row } from './accumulate.js';
import { defineProjection } from './define.js';
import { type Page, type PageQuery, pageOf } from './page.js';

const columns: Columns = { at: 'bigint', id: 'text', actor: 'text', type: 'text', target_type: 'text', target_id: 'text', details: 'text' };

/** A member who signs in or reads changes nothing. */
const notAudited: readonly string[] = ['kirogate.user.signed-in', 'kirogate.notification.read'];

export const audit = defineProjection<Row[]>({
  name: 'audit',
  version: 1,
  tables: [{ name: 'audit', key: ['at', 'id'] }],
  types: eventTypes.filter(({ origin, type }) => origin === 'control' && !notAudited.includes(type)).map(({ type }) => type),
  start: () => [],
  fold(batch, event) {
    if (!isPerson(event.actor) || isSignOut(event)) return;
    const slash = event.subject.indexOf('/');
    batch.push({
      at: event.time,
      id: event.id,
      actor: event.actor,
      type: event.type,
      target_type: slash < 0 ? event.subject : event.subject.slice(0, slash),
      target_id: slash < 0 ? '' : event.subject.slice(slash + 1),
      details: JSON.stringify(detailsOf(event)),
    });
  },
  async flush(batch, tx, table) {
    if (batch.length === 0) return;
    await tx.query(
      sql`insert into ${table('audit')} (${identifiers(Object.keys(columns))}) ${rowsOf(tx.engine, columns, batch)} on conflict do nothing`,
    );
  },
});

/** Of a member, as their signing in; an admin's both are told. */
function isSignOut({ type, actor }: StoredEvent): boolean {
  return type === 'kirogate.session.ended' && actor.startsWith('user/');
}

function isPerson(actor: string): boolean {
  return actor === 'admin' || actor === 'admin-api-key' || actor.startsWith('user/');
}

/** Addresses of people stay in the directory; long texts are cut. */
const personal = new Set(['email']);
const MAX_TEXT = 300;

/** What changed: `{field: {from, to}}` for events that tell both, their data otherwise. */
function detailsOf(event: StoredEvent): Record<string, unknown> {
  const data = event.data as Readonly<Record<string, unknown>>;
  if (Array.isArray(data.changes)) {
    const changes = data.changes as readonly { setting: string; from: unknown; to: unknown }[];
    return Object.fromEntries(changes.map(({ setting, from, to }) => [setting, { from, to }]));
  }
  const { from, to, ...rest } = data;
  return { ...short(rest), ...(from === undefined && to === undefined ? {} : changed(from, to)) };
}

function changed(from: unknown, to: unknown): Record<string, unknown> {
  if (!isRecord(from) || !isRecord(to)) return { from, to };
  const fields = Object.keys(to).filter((name) => JSON.stringify(from[name]) !== JSON.stringify(to[name]));
  return Object.fromEntries(fields.map((name) => [name, { from: cut(from[name]), to: cut(to[name]) }]));
}

function short(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data)
      .filter(([name]) => !personal.has(name))
      .map(([name, value]) => [name, cut(value)]),
  );
}

function cut(value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= MAX_TEXT) return value;
  return `${value.slice(0, MAX_TEXT).toWellFormed()}…`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface AuditItem {
  readonly id: string;
  /** ms since epoch */
  readonly at: number;
  readonly actor: string;
  /** The event type, for example `kirogate.user.banned`. */
  readonly type: string;
  readonly targetType: string;
  readonly targetId: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AuditQuery extends PageQuery {
  readonly type?: string | undefined;
  readonly actor?: string | undefined;
}

interface AuditRow {
  readonly id: string;
  readonly at: number;
  readonly actor: string;
  readonly type: string;
  readonly target_type: string;
  readonly target_id: string;
  readonly details: string;
}

/** Newest first. Throws AppError `invalid_request` for a cursor that is none. */
export function listAudit(db: Queryable, query: AuditQuery): Promise<Page<AuditItem>> {
  const where = [];
  if (query.type !== undefined) where.push(sql`type = ${query.type}`);
  if (query.actor !== undefined) where.push(sql`actor = ${query.actor}`);
  return pageOf(db, {
    ...query,
    table: sql`audit`,
    where,
    read: (row: AuditRow) => ({
      id: row.id,
      at: row.at,
      actor: row.actor,
      type: row.type,
      targetType: row.target_type,
      targetId: row.target_id,
      details: JSON.parse(row.details) as Record<string, unknown>,
    }),
  });
}
