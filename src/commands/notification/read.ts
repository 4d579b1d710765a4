/** A member has seen notifications. */
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import { requireOwner } from '../actor.js';
import { decided, defineCommand } from '../define.js';
import { id } from '../fields.js';

type Wanted = 'all' | readonly string[];

interface State {
  /** Of the wanted ones: those of this member that are there, and those not read yet. */
  readonly found: number;
  readonly unread: readonly string[];
}

/** Refuses ids that are not this member's (`not_found`). What is read already makes no event, so nobody fills the archive with it. */
export const readNotifications = defineCommand({
  name: 'notification.read',
  summary: 'Mark notifications as read.',
  input: z.strictObject({ userId: id, ids: z.union([z.literal('all'), z.array(id).min(1).max(500)]) }),
  load: (tx, input) => loadState(tx, input.userId, input.ids),
  decide({ found, unread }, input, context) {
    requireOwner(context, input.userId);
    if (input.ids !== 'all' && found < new Set(input.ids).size) throw new AppError('not_found');
    if (unread.length === 0) return { events: [], result: { changed: 0 } };
    const ids = input.ids === 'all' ? ('all' as const) : [...unread];
    return { events: [decided('kirogate.notification.read', `user/${input.userId}`, { ids })], result: { changed: unread.length } };
  },
});

async function loadState(tx: Queryable, userId: string, wanted: Wanted): Promise<State> {
  const among =
    wanted === 'all'
      ? sql``
      : sql`and n.id in (${sql.join(
          wanted.map((one) => sql`${one}`),
          ', ',
        )})`;
  const rows = await tx.query<{ id: string; unread: unknown }>(sql`
    select n.id, case when r.notification_id is null and (a.at is null or n.at > a.at) then 1 else 0 end as unread
    from notifications n
    left join notification_reads r on r.user_id = n.user_id and r.notification_id = n.id
    left join notification_read_all a on a.user_id = n.user_id
    where n.user_id = ${userId} ${among}
    order by n.at desc, n.id desc limit 1000`);
  return { found: rows.length, unread: rows.filter((row) => Number(row.unread) === 1).map((row) => row.id) };
}
