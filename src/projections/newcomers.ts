/** Users and keys that the directory has not read yet: whom it does not know it serves nothing, so where they are many they come later. */
import type { EventMark } from '../events/archiveLookup.js';
import { nothingTouched, type Touched, touchedBy } from './directoryTouched.js';

/** By these a user and a key come to be: an event before which nobody has them takes nothing away from anybody. */
export const CREATIONS: readonly string[] = ['kirogate.user.registered', 'kirogate.key.issued'];

/** The ids that are known. */
export interface Known {
  readonly users: { has(id: string): boolean };
  readonly keys: { has(id: string): boolean };
}

export interface Span {
  /** Positions behind this one, */
  readonly after: number;
  /** up to and with this one. */
  readonly upTo: number;
}

export interface Newcomers {
  isEmpty(): boolean;
  /** Among the creations at these positions there are some to read. */
  createdIn(span: Span): void;
  /**
   * Takes out of `touched` those that are not known, where they are too many to be read along, or others wait already, and
   * answers them. All the rest stays: what is known, tokens, settings and bans.
   */
  split(touched: Touched, known: Known): Touched;
  /** They are read last: most of them are among those created. */
  add(newcomers: Touched): void;
  /** The next ones to read, users before keys: a key is worth nothing without its user. Rejects as `created` does. */
  next(known: Known): Promise<Touched>;
  /** They have been read. */
  done(newcomers: Touched): void;
  /** All has been read. */
  clear(): void;
}

export interface NewcomersDeps {
  /** The first `limit` creations of a span, in order. */
  readonly created: (span: Span, limit: number) => Promise<readonly EventMark[]>;
  /** Rows of one reading. */
  readonly atOnce: number;
}

const kinds = ['users', 'keys'] as const;
const size = ({ users, keys }: Touched): number => users.size + keys.size;

export function createNewcomers({ created, atOnce }: NewcomersDeps): Newcomers {
  const [first, last] = [nothingTouched(), nothingTouched()];
  let span: Span = { after: 0, upTo: 0 };
  const isEmpty = (): boolean => size(first) === 0 && size(last) === 0 && span.after === span.upTo;

  async function readOn(): Promise<void> {
    if (size(first) > 0 || span.after === span.upTo) return;
    const events = await created(span, atOnce);
    addTo(first, touchedBy(events));
    const { upTo } = span;
    span = { after: events.length < atOnce ? upTo : (events.at(-1)?.position ?? upTo), upTo };
  }

  return {
    isEmpty,
    createdIn({ after, upTo }) {
      span = { after: span.after === span.upTo ? after : span.after, upTo };
    },
    split(touched, known) {
      const fresh = unknown(touched, known);
      if (isEmpty() && size(fresh) <= atOnce) return nothingTouched();
      removeFrom(touched, fresh);
      return fresh;
    },
    add: (newcomers) => addTo(last, newcomers),
    async next(known) {
      await readOn();
      if (size(first) > 0) return some(first, atOnce);
      // Those that came with their creation were read later than they were told of.
      const left = unknown(last, known);
      for (const kind of kinds) last[kind].clear();
      addTo(last, left);
      return some(last, atOnce);
    },
    done(newcomers) {
      removeFrom(first, newcomers);
      removeFrom(last, newcomers);
    },
    clear() {
      for (const kind of kinds) for (const waiting of [first, last]) waiting[kind].clear();
      span = { after: 0, upTo: 0 };
    },
  };
}

function addTo(waiting: Touched, more: Touched): void {
  for (const kind of kinds) for (const id of more[kind]) waiting[kind].add(id);
}

function removeFrom(waiting: Touched, those: Touched): void {
  for (const kind of kinds) for (const id of those[kind]) waiting[kind].delete(id);
}

function unknown(touched: Touched, known: Known): Touched {
  const fresh = nothingTouched();
  for (const kind of kinds) for (const id of touched[kind]) if (!known[kind].has(id)) fresh[kind].add(id);
  return fresh;
}

function some(waiting: Touched, most: number): Touched {
  const taken = nothingTouched();
  const kind = waiting.users.size > 0 ? 'users' : 'keys';
  for (const id of waiting[kind]) {
    if (taken[kind].size === most) break;
    taken[kind].add(id);
  }
  return taken;
}
