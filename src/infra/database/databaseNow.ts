/** The database's own clock: the one time that all nodes share. */
import { type Engine, type SQLQuery, sql } from './port.js';

/** Whole milliseconds since the epoch as the database has them when the statement runs, not when its transaction began. */
export function databaseNow(engine: Engine): SQLQuery {
  return engine === 'sqlite'
    ? sql`cast(unixepoch('subsec') * 1000 as integer)`
    : sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
}
