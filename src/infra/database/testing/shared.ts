/** One PostgreSQL server for all suites of a run, started when the first suite asks; each gets databases of its own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { systemClock } from '../../../shared/clock.js';
import { migrate } from '../migrate.js';
import { openPostgres } from '../postgres.js';
import { startTestPostgres, type TestPostgres } from './server.js';

const migrations = fileURLToPath(new URL('../../../../migrations', import.meta.url));

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a suite asks for a database. */
    readonly postgresBroker: string;
  }
}

/** A new database of the shared server: empty, or with the schema for so many partitions. For tests that stop or freeze the server: `startTestPostgres`. */
export async function freshPostgresDatabase(partitions: number | null = null): Promise<string> {
  const answer = await fetch(`${inject('postgresBroker')}/${partitions ?? ''}`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}

/** vitest's global set-up: it runs in the main process, before the suites; what it returns runs after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const databases = createDatabases();
  const broker = createServer((request, response) => {
    databases.fresh((request.url ?? '/').slice(1)).then(
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
  fresh(partitions: string): Promise<string>;
  close(): Promise<void>;
}

/** The schema is made once for each number of partitions; a copy of it takes a tenth of the time. */
function createDatabases(): Databases {
  let server: Promise<TestPostgres> | undefined;
  const templates = new Map<string, Promise<string>>();

  async function makeTemplate(started: TestPostgres, partitions: string): Promise<string> {
    const name = `schema_${partitions}`;
    const db = await openPostgres({ url: await started.freshDatabase({ name }), poolSize: 1 });
    await migrate(db, { dir: migrations, eventPartitions: Number(partitions), clock: systemClock });
    await db.close();
    return name;
  }

  return {
    async fresh(partitions) {
      server ??= startTestPostgres();
      const started = await server;
      if (partitions === '') return started.freshDatabase();
      const made = templates.get(partitions) ?? makeTemplate(started, partitions);
      templates.set(partitions, made);
      return started.freshDatabase({ template: await made });
    },
    async close() {
      await (await server?.catch(() => undefined))?.stop();
    },
  };
}
