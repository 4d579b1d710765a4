/** One PostgreSQL server for all suites of a run, started when the first suite asks; each test gets a database of its own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { systemClock } from '../../../shared/clock.js';
import { migrate } from '../migrate.js';
import { type Engine, sql } from '../port.js';
import { openPostgres } from '../postgres.js';
import { startTestPostgres, type TestPostgres } from './server.js';

const migrations = fileURLToPath(new URL('../../../../migrations', import.meta.url));

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a suite asks for a database. */
    readonly postgresBroker: string;
    /** The store that a suite for both engines runs on this time (vitest.config.ts). */
    readonly engine: Engine;
  }
}

/** A new empty database of the shared server. For tests that stop or freeze the server: `startTestPostgres`. */
export function freshPostgresDatabase(): Promise<string> {
  return ask('fresh');
}

/** One with the schema for so many partitions and no rows; perhaps another test had it before. */
export function borrowPostgresDatabase(partitions: number): Promise<string> {
  return ask(`borrow/${partitions}`);
}

/** For the next test: a new one takes the server a second when the machine is busy. Nobody may be connected to it. */
export async function returnPostgresDatabase(partitions: number, url: string): Promise<void> {
  await ask(`return/${partitions}`, url);
}

async function ask(path: string, body?: string): Promise<string> {
  const answer = await fetch(`${inject('postgresBroker')}/${path}`, { method: 'POST', ...(body === undefined ? {} : { body }) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}

/** vitest's global set-up: it runs in the main process, before the suites; what it returns runs after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const databases = createDatabases();
  const broker = createServer((request, response) => {
    const [, verb = '', partitions = ''] = (request.url ?? '').split('/');
    text(request)
      .then((body) => databases.answer(verb, partitions, body))
      .then(
        (url) => response.end(url),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  project.provide('postgresBroker', `http://127.0.0.1:${(broker.address() as AddressInfo).port}`);
  return async () => {
    broker.closeAllConnections();
    broker.close();
    await databases.close();
  };
}

interface Databases {
  answer(verb: string, partitions: string, body: string): Promise<string>;
  close(): Promise<void>;
}

function createDatabases(): Databases {
  let server: Promise<TestPostgres> | undefined;
  const idle = new Map<string, string[]>();

  async function borrow(started: TestPostgres, partitions: string): Promise<string> {
    const used = idle.get(partitions)?.pop();
    const url = used ?? (await started.freshDatabase());
    const db = await openPostgres({ url, poolSize: 1 });
    if (used === undefined) await migrate(db, { dir: migrations, eventPartitions: Number(partitions), clock: systemClock });
    else await db.query(empty);
    await db.close();
    return url;
  }

  return {
    async answer(verb, partitions, body) {
      server ??= startTestPostgres();
      const started = await server;
      if (verb === 'fresh') return started.freshDatabase();
      if (verb === 'borrow') return borrow(started, partitions);
      idle.set(partitions, [...(idle.get(partitions) ?? []), body]);
      return body;
    },
    async close() {
      await (await server?.catch(() => undefined))?.stop();
    },
  };
}

/** All rows but the schema's own account, and the tables that a rebuild left beside the live ones. */
const empty = sql`do $$
declare name text;
begin
  for name in select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition loop
    if strpos(name, '__') > 0 then execute format('drop table %I', name);
    elsif name = 'partitions' then update partitions set position = 0, hash = repeat('0', 64), log_cursor = null;
    elsif name not in ('kirogate_migrations', 'installation') then execute format('delete from %I', name);
    end if;
  end loop;
end $$`;
