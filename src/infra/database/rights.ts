/** What the database's role must be allowed to, looked at when a node starts: a right that is missing would show at some later hour. */
import { ConfigError } from '../../config.js';
import { type Queryable, sql } from './port.js';

const MOST_NAMED = 5;

/**
 * Of a PostgreSQL that is at this build's schema. `label`: host, port and database. Throws ConfigError naming the tables that the
 * role may not read and write, or of whose owners it is none and so cannot add a day to them.
 */
export async function checkRights(db: Queryable, label: string): Promise<void> {
  // Our tables are those that the owner of the list of migrations has; somebody else's may stand beside them.
  const rows = await db.query<{ name: string; role: string }>(sql`
    select c.relname as name, current_user as role from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and c.relowner = (select relowner from pg_class where oid = 'kirogate_migrations'::regclass)
      and not (has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'update')
        and has_table_privilege(c.oid, 'delete') and (c.relkind = 'r' or pg_has_role(c.relowner, 'usage')))
    order by 1`);
  const [first] = rows;
  if (first === undefined) return;
  const names = rows.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = rows.length > MOST_NAMED ? ` and ${rows.length - MOST_NAMED} more` : '';
  throw new ConfigError([
    `DATABASE_URL: the role ${first.role} may not do all that a node does with ${names.join(', ')}${more} in PostgreSQL at ${label}; ` +
      'use the role that owns the tables, or make this one a member of it',
  ]);
}
