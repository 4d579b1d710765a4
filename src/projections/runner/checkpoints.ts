/** How far each projection has come in each partition, and which version of it serves. */

import type { StoredEvent } from '../../events/define.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { rowsOf } from '../../infra/database/rows.js';
import type { Projection } from '../define.js';

const columns = { projection: 'text', version: 'bigint', partition: 'text', position: 'bigint' } as const;

/** The last position of each partition that these events hold. */
export function lastPositions(events: readonly StoredEvent[]): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  for (const { partition, position } of events) last.set(partition, Math.max(last.get(partition) ?? 0, position));
  return last;
}

export async function advance(tx: Queryable, projections: readonly Projection[], positions: ReadonlyMap<string, number>): Promise<void> {
  const partitions = [...positions].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = projections.flatMap(({ name, version }) =>
    partitions.map(([partition, position]) => ({ projection: name, version, partition, position })),
  );
  if (rows.length === 0) return;
  await tx.query(sql`insert into projection_checkpoints (projection, version, partition, position) ${rowsOf(tx.engine, columns, rows)}
    on conflict (projection, version, partition) do update set position = excluded.position`);
}

/** Position by partition; absent: nothing folded yet. */
export async function checkpointsOf(db: Queryable, { name, version }: Pick<Projection, 'name' | 'version'>): Promise<Map<string, number>> {
  const rows = await db.query<{ partition: string; position: number }>(
    sql`select partition, position from projection_checkpoints where projection = ${name} and version = ${version}`,
  );
  return new Map(rows.map(({ partition, position }) => [partition, position]));
}

/** The version that serves reads, by projection. */
export async function activeVersions(db: Queryable): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query<{ projection: string; active_version: number }>(sql`select projection, active_version from projection_sets`);
  return new Map(rows.map((row) => [row.projection, row.active_version]));
}

/** `now` in ms since epoch. */
export async function activate(tx: Queryable, { name, version }: Pick<Projection, 'name' | 'version'>, now: number): Promise<void> {
  await tx.query(sql`insert into projection_sets (projection, active_version, activated_at) values (${name}, ${version}, ${now})
    on conflict (projection) do update set active_version = excluded.active_version, activated_at = excluded.activated_at`);
}
