/** Names of the event log's keys in Redis, and the ids of stream entries. Each partition has a hash tag of its own. */

export const streamKey = (partition: string): string => `kirogate:{${partition}}:events`;
/** Hash: src → counter of the last entry that the stream took. */
export const producersKey = (partition: string): string => `kirogate:{${partition}}:producers`;
/** Hash: `cursor`, and src → counter of the last entry that the archive has. */
export const archivedKey = (partition: string): string => `kirogate:{${partition}}:archived`;

/** Before every entry. */
export const START = '0-0';

const ID = /^(\d{1,16})-(\d{1,16})$/;

/** Whether a text is an entry's id, `<ms>-<seq>`. */
export const isStreamId = (text: string | undefined): text is string => text !== undefined && ID.test(text);

/** Orders ids; both must be ids. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number);
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number);
  return aMs - bMs || aSeq - bSeq;
}

export const laterId = (a: string, b: string): string => (compareIds(a, b) < 0 ? b : a);

/** Milliseconds of the server's clock when the entry came, as far as the clock never stood behind an earlier entry. */
export const msOfId = (id: string): number => Number(id.slice(0, id.indexOf('-')));

/** The first id behind this one. */
export function followingId(id: string): string {
  const dash = id.indexOf('-');
  return `${id.slice(0, dash)}-${Number(id.slice(dash + 1)) + 1}`;
}
