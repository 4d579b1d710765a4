/** History: who signed in when, who changed which setting last, and what became of nodes, leaders and stores. */
import type { StoredEvent } from '../events/define.js';
import type { EventData } from '../events/index.js';
import { type Queryable, sql } from '../infra/database/port.js';
import { rowsOf } from '../infra/database/rows.js';
import type { Row } from './accumulate.js';
import { defineProjection } from './define.js';
import { type Page, type PageQuery, pageOf } from './page.js';
import { type Changes, patchedTable } from './patches.js';
import { DAY } from './time.js';

const signIns = patchedTable({ table: 'user_sign_ins', key: 'user_id', columns: { at: 'bigint', method: 'text' } });
const settings = patchedTable({ table: 'setting_changes', key: 'name', columns: { at: 'bigint', actor: 'text', position: 'bigint' } });

/** Events of the installation's own life, as the cluster page lists them. */
export const clusterEventTypes = [
  'kirogate.store.lost',
  'kirogate.store.recovered',
  'kirogate.leader.changed',
  'kirogate.node.started',
  'kirogate.node.stopped',
] as const;
export type ClusterEventType = (typeof clusterEventTypes)[number];

const clusterTable = { name: 'cluster_history', key: ['at', 'id'], retention: { column: 'at', ms: 90 * DAY } } as const;

interface Batch {
  readonly signIns: Changes;
  readonly settings: Changes;
  readonly cluster: Row[];
}

export const history = defineProjection<Batch>({
  name: 'history',
  version: 1,
  tables: [{ name: 'user_sign_ins', key: ['user_id'] }, { name: 'setting_changes', key: ['name'] }, clusterTable],
  types: ['kirogate.user.signed-in', 'kirogate.config.changed', ...clusterEventTypes],
  start: () => ({ signIns: new Map(), settings: new Map(), cluster: [] }),
  fold(batch, event) {
    if (event.type === 'kirogate.user.signed-in') return foldSignIn(batch, event);
    if (event.type === 'kirogate.config.changed') return foldSettings(batch, event);
    const { time: at, id, type, subject, data } = event;
    batch.cluster.push({ at, id, type, subject, details: JSON.stringify(data) });
  },
  async flush(batch, tx, table) {
    await signIns.flush(batch.signIns, tx, table);
    await settings.flush(batch.settings, tx, table);
    if (batch.cluster.length === 0) return;
    const columns = { at: 'bigint', id: 'text', type: 'text', subject: 'text', details: 'text' } as const;
    await tx.query(sql`insert into ${table('cluster_history')} (at, id, type, subject, details)
      ${rowsOf(tx.engine, columns, batch.cluster)} on conflict do nothing`);
  },
});

function foldSignIn(batch: Batch, event: StoredEvent): void {
  const { method } = event.data as EventData<'kirogate.user.signed-in'>;
  signIns.put(batch.signIns, event.subject.slice('user/'.length), { at: event.time, method });
}

function foldSettings(batch: Batch, event: StoredEvent): void {
  const { changes } = event.data as EventData<'kirogate.config.changed'>;
  for (const { setting } of changes) {
    settings.put(batch.settings, setting, { at: event.time, actor: event.actor, position: event.position });
  }
}

export interface ClusterEvent {
  readonly id: string;
  /** ms since epoch */
  readonly at: number;
  readonly type: ClusterEventType;
  /** For example `store/redis` or `node/node-1`. */
  readonly subject: string;
  /** The event's data. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** Newest first. Throws AppError `invalid_request` for a cursor that is none. */
export function listClusterHistory(db: Queryable, query: PageQuery): Promise<Page<ClusterEvent>> {
  return pageOf(db, {
    ...query,
    table: sql`cluster_history`,
    where: [],
    read: ({ id, at, type, subject, details }: Omit<ClusterEvent, 'details'> & { readonly details: string }) => ({
      id,
      at,
      type,
      subject,
      details: JSON.parse(details) as Record<string, unknown>,
    }),
  });
}

export interface SettingChange {
  readonly name: string;
  /** ms since epoch */
  readonly at: number;
  readonly actor: string;
  /** Control position. */
  readonly position: number;
}

/** The last change of each setting; one that nobody changed is absent. */
export async function settingChanges(db: Queryable): Promise<ReadonlyMap<string, SettingChange>> {
  const rows = await db.query<SettingChange>(sql`select name, at, actor, position from setting_changes`);
  return new Map(rows.map((row) => [row.name, row]));
}

export interface SignIn {
  /** ms since epoch */
  readonly at: number;
  readonly method: 'password' | 'github' | 'oidc';
}

/** When this member signed in last; undefined: never. */
export async function lastSignIn(db: Queryable, userId: string): Promise<SignIn | undefined> {
  const [row] = await db.query<SignIn>(sql`select at, method from user_sign_ins where user_id = ${userId}`);
  return row;
}
