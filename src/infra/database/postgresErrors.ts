/** What PostgreSQL and its driver fail with, in our own words and sorted by what the caller can do about it. */
import { DatabaseError, type DatabaseFault } from './errors.js';

const NO_RIGHT = 'the role in DATABASE_URL lacks a right; make it the owner of its database or schema';

/** Codes whose class alone does not tell the fault (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const faults: Readonly<Record<string, readonly [DatabaseFault, string?]>> = {
  '23505': ['unique'],
  '40001': ['busy'],
  '40P01': ['busy'],
  '55P03': ['busy', 'another transaction holds the lock'],
  '57014': ['busy', 'the statement took too long'],
  '25P03': ['busy', 'the transaction stood still for too long'],
  '25P04': ['busy', 'the transaction took too long'],
  '42501': ['statement', NO_RIGHT],
  '3F000': ['statement', NO_RIGHT],
  '25006': ['unavailable', 'the server is read-only; is it a standby? Point DATABASE_URL at the primary'],
  '28P01': ['unavailable', 'user name or password is wrong; check DATABASE_URL'],
  '28000': ['unavailable', 'the server does not let this user in; check DATABASE_URL and pg_hba.conf'],
  '3D000': ['unavailable', 'there is no such database; create it or check DATABASE_URL'],
  '53100': ['unavailable', "the server's disk is full; free some space"],
  '53300': ['unavailable', 'the server takes no more connections; lower DB_POOL_SIZE or raise max_connections'],
  '57P01': ['unavailable', 'the server ended the connection'],
  '57P02': ['unavailable', 'the server crashed'],
  '57P03': ['unavailable', 'the server is starting or stopping'],
  ECONNREFUSED: ['unavailable', 'nothing listens there (connection refused)'],
  ENOTFOUND: ['unavailable', 'the host name is not known'],
  EAI_AGAIN: ['unavailable', 'the host name cannot be looked up now'],
  ECONNRESET: ['unavailable', 'the connection was cut'],
  EPIPE: ['unavailable', 'the connection was cut'],
  ETIMEDOUT: ['unavailable', 'no answer'],
  EHOSTUNREACH: ['unavailable', 'there is no way to the host'],
  ENETUNREACH: ['unavailable', 'there is no way to the host'],
};

/** Connection exceptions, resources, operator's doing, system errors, a damaged store. */
const unavailableClasses = new Set(['08', '53', '57', '58', 'XX', 'F0']);

/** The driver's own words, which carry no code. */
const driverFaults: readonly (readonly [RegExp, DatabaseFault, string])[] = [
  [/timeout exceeded when trying to connect/, 'busy', 'all connections of the pool are in use; is DB_POOL_SIZE too small?'],
  [/connection timeout/, 'unavailable', 'no answer in time'],
  [/Query read timeout/, 'unavailable', 'no answer in time'],
  [/terminat|not queryable|Connection ended|socket/i, 'unavailable', 'the connection was lost'],
  [/SSL|certificate|TLS/i, 'unavailable', ''],
];

/** `label`: host, port and database. Neither message nor cause holds a password or a value. */
export function explainPostgres(label: string, error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const code = codeOf(error);
  const [fault, words] = faultOf(code, error);
  const said = withoutValues(code, error);
  const reason = words === undefined || words === '' ? said : said === '' ? words : `${words} (${said})`;
  // The driver's error quotes rows and values in its details, its message and its stack: only its code goes on.
  return new DatabaseError(fault, `PostgreSQL at ${label}: ${reason}`, {
    // The log joins the messages of causes: the same words must not stand there twice.
    cause: code === '' ? new Error('the driver gave no code') : Object.assign(new Error(`code ${code}`), { code }),
  });
}

function faultOf(code: string, error: unknown): readonly [DatabaseFault, string?] {
  const known = faults[code];
  if (known) return known;
  if (isSqlState(code)) return [unavailableClasses.has(code.slice(0, 2)) ? 'unavailable' : 'statement'];
  const message = error instanceof Error ? error.message : '';
  const match = driverFaults.find(([pattern]) => pattern.test(message));
  if (match) return [match[1], match[2]];
  // A system error that is not in the table came from the socket as well.
  return [code === '' ? 'statement' : 'unavailable'];
}

/** Five characters, at least one of them a digit: EPIPE is none. */
const isSqlState = (code: string): boolean => /^(?=.*\d)[0-9A-Z]{5}$/.test(code);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Data exceptions (class 22) quote the value at fault behind a colon. */
function withoutValues(code: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return code.startsWith('22') ? message.replace(/[:"].*$/s, '').trim() : message;
}
