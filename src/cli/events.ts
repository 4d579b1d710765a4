/** `kirogate events list|tail`: the archive on the terminal, oldest first. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { type ArchiveQuery, readArchive, toCloudEvent } from '../events/archive.js';
import type { StoredEvent } from '../events/define.js';
import { DatabaseError } from '../infra/database/errors.js';
import type { Database } from '../infra/database/port.js';
import { stopSignal } from './stopSignal.js';
import { withDatabase } from './store.js';

interface Filters {
  types?: string;
  subject?: string;
  correlation?: string;
  from?: string;
  to?: string;
  after?: string;
  json?: true;
}

/** The archive is looked at this often while following. */
const FOLLOW_MS = 250;
const RETRY_MS = 1_000;
const PAGE = 500;

export function addEvents(program: Command): void {
  const events = program.command('events').description('the event archive');
  filtered(events.command('list').description('list stored events, oldest first'))
    .option('--limit <n>', 'at most so many', positive, 50)
    .action((options: Filters & { limit: number }) => list(options));
  filtered(events.command('tail').description('follow the archive until interrupted')).action((options: Filters) => tail(options));
}

function filtered(command: Command): Command {
  return command
    .option('--types <types>', 'event types, comma-separated; the leading "kirogate." may be left out')
    .option('--subject <subject>', 'for example token/<id>')
    .option('--correlation <id>', 'all events of one request')
    .option('--from <time>', 'ISO 8601 time')
    .option('--to <time>', 'ISO 8601 time')
    .option('--after <cursor>', 'go on after this cursor')
    .option('--json', 'one CloudEvents JSON object a line');
}

export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${text} is not a whole number from 1`);
  return value;
}

export function timeOf(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`${text} is not an ISO 8601 time`);
  return time;
}

function queryOf(filters: Filters): Omit<ArchiveQuery, 'limit'> {
  return {
    ...(filters.types && { types: filters.types.split(',').map((type) => (type.startsWith('kirogate.') ? type : `kirogate.${type}`)) }),
    ...(filters.subject && { subject: filters.subject }),
    ...(filters.correlation && { correlationId: filters.correlation }),
    ...(filters.from && { from: timeOf(filters.from) }),
    ...(filters.to && { to: timeOf(filters.to) }),
    ...(filters.after && { after: filters.after }),
  };
}

function print(event: StoredEvent, cursor: string, json: boolean): void {
  const shown = toCloudEvent(event);
  if (json) process.stdout.write(`${JSON.stringify({ ...shown, cursor })}\n`);
  else
    process.stdout.write(
      `${new Date(event.time).toISOString()}  ${event.type.padEnd(36)} ${event.subject.padEnd(30)} ${JSON.stringify(shown.data)}\n`,
    );
}

async function list(options: Filters & { limit: number }): Promise<void> {
  await withDatabase(async (db) => {
    let query = queryOf(options);
    for (let left = options.limit; left > 0; ) {
      const page = await readArchive(db, { ...query, limit: Math.min(PAGE, left) });
      for (const item of page.items) print(item.event, item.cursor, options.json === true);
      left -= page.items.length;
      if (page.next === null) return;
      query = { ...query, after: page.next };
    }
  });
}

async function tail(options: Filters): Promise<void> {
  const stop = stopSignal();
  await withDatabase(async (db) => {
    let query = queryOf(options);
    // What is asked for is checked by the first look; later ones outlast a store that is away for a while.
    let patient = false;
    while (!stop.aborted) {
      const page = await (patient ? whenThere(db, { ...query, limit: PAGE }, stop) : readArchive(db, { ...query, limit: PAGE }));
      patient = true;
      if (page === undefined) return;
      for (const item of page.items) print(item.event, item.cursor, options.json === true);
      const last = page.next ?? page.items.at(-1)?.cursor;
      if (last) query = { ...query, after: last };
      if (page.next === null) await wait(FOLLOW_MS, undefined, { signal: stop }).catch(() => undefined);
    }
  });
}

/** Says once that the store is away and once that it is back; undefined: interrupted meanwhile. */
async function whenThere(
  db: Database,
  query: ArchiveQuery,
  stop: AbortSignal,
): Promise<Awaited<ReturnType<typeof readArchive>> | undefined> {
  for (let tries = 0; !stop.aborted; tries += 1) {
    try {
      const page = await readArchive(db, query);
      if (tries > 0) process.stderr.write('the database answers again\n');
      return page;
    } catch (error) {
      if (!(error instanceof DatabaseError) || !error.transient) throw error;
      if (tries === 0) process.stderr.write(`${error.message}; trying again\n`);
      await wait(RETRY_MS, undefined, { signal: stop }).catch(() => undefined);
    }
  }
  return undefined;
}
