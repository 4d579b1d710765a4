/** Pages over tables keyed by (at, id), newest first: the cursor names the last row seen, so that new rows shift nothing. */
import { AppError } from '../errors.js';
import { type Queryable, type SQLQuery, sql } from '../infra/database/port.js';

export interface PageQuery {
  /** ms since epoch, inclusive. */
  readonly from?: number | undefined;
  /** ms since epoch, exclusive. */
  readonly to?: number | undefined;
  readonly cursor?: string | undefined;
  /** 1–500. */
  readonly limit: number;
}

export interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

/** `where` conditions are joined by "and". `newestFirst` false turns the order round. */
export async function pageOf<Row extends { readonly at: number; readonly id: string }, Item>(
  db: Queryable,
  query: PageQuery & {
    readonly table: SQLQuery;
    readonly columns?: SQLQuery;
    readonly where: readonly SQLQuery[];
    readonly read: (row: Row) => Item;
  },
): Promise<Page<Item>> {
  const where = [...query.where];
  if (query.from !== undefined) where.push(sql`at >= ${query.from}`);
  if (query.to !== undefined) where.push(sql`at < ${query.to}`);
  if (query.cursor !== undefined) {
    const { at, id } = readCursor(query.cursor);
    where.push(sql`(at, id) < (${at}, ${id})`);
  }
  const condition = where.length === 0 ? sql`true` : sql.join(where, ' AND ');
  const rows = await db.query<Row>(
    sql`select ${query.columns ?? sql`*`} from ${query.table} where ${condition} order by at desc, id desc limit ${query.limit + 1}`,
  );
  const items = rows.slice(0, query.limit);
  const last = items.at(-1);
  return { items: items.map(query.read), nextCursor: rows.length > query.limit && last ? writeCursor(last) : null };
}

export function writeCursor({ at, id }: { readonly at: number; readonly id: string }): string {
  return Buffer.from(`${at}.${id}`).toString('base64url');
}

/** Throws AppError `invalid_request` naming `cursor`. */
export function readCursor(cursor: string): { at: number; id: string } {
  const match = /^(\d{1,16})\.([\w.:-]{1,200})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!match) throw new AppError('invalid_request', { message: 'The cursor is not one of ours.', param: 'cursor' });
  return { at: Number(match[1]), id: String(match[2]) };
}

/** The pattern of "contains this text" for `like … escape '\'`. */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, (found) => `\\${found}`)}%`;
}
