/** Users and keys that the directory has heard of and not read yet: what it does not know it serves nobody, so they may come later. */
import { nothingTouched, type Touched } from './directoryTouched.js';

/** The ids that are known. */
export interface Known {
  readonly users: { has(id: string): boolean };
  readonly keys: { has(id: string): boolean };
}

export interface Newcomers {
  isEmpty(): boolean;
  /**
   * Takes out of `touched` those that are not known, where they are too many to be read along, or others wait already, and
   * answers them. All the rest stays: what is known, tokens, settings and bans.
   */
  split(touched: Touched, known: Known): Touched;
  add(newcomers: Touched): void;
  /** The next ones to read, users before keys: a key is worth nothing without its user. */
  next(): Touched;
  /** They have been read. */
  done(newcomers: Touched): void;
  /** All has been read. */
  clear(): void;
}

/** `atOnce`: rows of one reading. */
export function createNewcomers(atOnce: number): Newcomers {
  const waiting = nothingTouched();
  const size = ({ users, keys }: Touched): number => users.size + keys.size;
  return {
    isEmpty: () => size(waiting) === 0,
    split(touched, known) {
      const fresh = nothingTouched();
      for (const kind of ['users', 'keys'] as const) for (const id of touched[kind]) if (!known[kind].has(id)) fresh[kind].add(id);
      if (size(waiting) === 0 && size(fresh) <= atOnce) return nothingTouched();
      for (const kind of ['users', 'keys'] as const) for (const id of fresh[kind]) touched[kind].delete(id);
      return fresh;
    },
    add({ users, keys }) {
      for (const id of users) waiting.users.add(id);
      for (const id of keys) waiting.keys.add(id);
    },
    next() {
      const some = nothingTouched();
      const kind = waiting.users.size > 0 ? 'users' : 'keys';
      for (const id of waiting[kind]) {
        if (some[kind].size === atOnce) break;
        some[kind].add(id);
      }
      return some;
    },
    done({ users, keys }) {
      for (const id of users) waiting.users.delete(id);
      for (const id of keys) waiting.keys.delete(id);
    },
    clear() {
      waiting.users.clear();
      waiting.keys.clear();
    },
  };
}
