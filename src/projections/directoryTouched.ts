/** Which parts of the directory events have touched, told by their subjects. */
import type { EventMark } from '../events/archiveLookup.js';
import { RETRIED } from './runner/parked.js';

export interface Touched {
  readonly users: Set<string>;
  readonly keys: Set<string>;
  readonly tokens: Set<string>;
  settings: boolean;
  bans: boolean;
  /** The tables were rebuilt: any row may be another one. */
  all: boolean;
}

export const nothingTouched = (): Touched => ({
  users: new Set(),
  keys: new Set(),
  tokens: new Set(),
  settings: false,
  bans: false,
  all: false,
});

/** Adds what `more` touched. */
export function addTouched(touched: Touched, more: Touched): void {
  for (const kind of ['users', 'keys', 'tokens'] as const) for (const id of more[kind]) touched[kind].add(id);
  touched.settings ||= more.settings;
  touched.bans ||= more.bans;
  touched.all ||= more.all;
}

type About = Pick<EventMark, 'type' | 'subject' | 'data'>;

/** Only of these types the data tell. */
export const touchedByData: readonly string[] = [RETRIED];

export function touchedBy(events: readonly About[]): Touched {
  const touched = nothingTouched();
  for (const event of events) {
    const subject = subjectOf(event);
    const slash = subject.indexOf('/');
    const aggregate = slash < 0 ? subject : subject.slice(0, slash);
    const id = subject.slice(slash + 1);
    if (aggregate === 'user') touched.users.add(id);
    else if (aggregate === 'key') touched.keys.add(id);
    else if (aggregate === 'token') touched.tokens.add(id);
    else if (aggregate === 'config') touched.settings = true;
    else if (aggregate === 'ip') touched.bans = true;
    else if (subject === 'projection/directory' && event.type === 'kirogate.projection.rebuilt') touched.all = true;
  }
  return touched;
}

/** A parked event that was taken after all changes the rows of its own subject. */
function subjectOf(event: About): string {
  if (event.type !== RETRIED) return event.subject;
  const { subject } = event.data as { readonly subject?: unknown };
  return typeof subject === 'string' ? subject : event.subject;
}
