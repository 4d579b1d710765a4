/** What deciders know of announcements, and how it is read. */
import { type Queryable, sql } from '../../infra/database/port.js';

export interface AnnouncementState {
  readonly content: string;
  readonly active: boolean;
  readonly allowGuest: boolean;
}

export async function loadAnnouncement(tx: Queryable, id: string): Promise<AnnouncementState | undefined> {
  const [row] = await tx.query<{ content: string; active: unknown; allow_guest: unknown }>(
    sql`select content, active, allow_guest from announcements where id = ${id}`,
  );
  return row && { content: row.content, active: Boolean(row.active), allowGuest: Boolean(row.allow_guest) };
}
