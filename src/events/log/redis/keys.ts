/** Names of the event log's keys in Redis, and the ids of stream entries. Each partition has a hash tag of its own. */

export const streamKey = (partition: string): string => `kirogate:{${partition}}:events`;
/** Hash: src → counter of the last entry that the stream took. */
export const producersKey = (partition: string): string => `kirogate:{${partition}}:producers`;
/** Hash: `cursor`, and src → counter of the last entry that the archive has. */
export const archivedKey = (partition: string): string => `kirogate:{${partition}}:archived`;

/** Before every entry. */
export const START = '0-0';

/** Both parts are 64 bits wide. */
const ID = /^\d{1,20}-\d{1,20}$/;
const LAST_SEQ = '18446744073709551615';
/** The end of the year 9999: what a date can still say. */
const LATEST_MS = 253_402_300_799_999;

/** Whether a text is an entry's id, `<ms>-<seq>`. */
export const isStreamId = (text: string | undefined): text is string => text !== undefined && ID.test(text);

/** Orders ids; both must be ids. */
export function compareIds(a: string, b: string): number {
  const [aMs = '', aSeq = ''] = a.split('-');
  const [bMs = '', bSeq = ''] = b.split('-');
  return compareDigits(aMs, bMs) || compareDigits(aSeq, bSeq);
}

/** Numbers without leading zeros; some are too large to be exact as such. */
const compareDigits = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

export const laterId = (a: string, b: string): string => (compareIds(a, b) < 0 ? b : a);

/** Milliseconds of the server's clock when the entry came, as far as the clock never stood behind an earlier entry. */
export const msOfId = (id: string): number => Math.min(LATEST_MS, Number(id.slice(0, id.indexOf('-'))));

/** An id that no clock gave, hand-made: behind it Redis may have none left to give out. */
export const isBeyondClocks = (id: string): boolean => msOfId(id) >= LATEST_MS;

/** The first id behind this one. */
export function followingId(id: string): string {
  const dash = id.indexOf('-');
  const seq = id.slice(dash + 1);
  return seq === LAST_SEQ ? id : `${id.slice(0, dash)}-${BigInt(seq) + 1n}`;
}
