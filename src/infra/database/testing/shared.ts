/** One PostgreSQL server for all suites of a run, started when the first suite asks; each gets databases of its own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { startTestPostgres, type TestPostgres } from './server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a suite asks for a database. */
    readonly postgresBroker: string;
  }
}

/** A new empty database of the shared server. For tests that stop or freeze the server: `startTestPostgres`. */
export async function freshPostgresDatabase(): Promise<string> {
  const answer = await fetch(inject('postgresBroker'));
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}

/** vitest's global set-up: it runs in the main process, before the suites; what it returns runs after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let started: Promise<TestPostgres> | undefined;
  const broker = createServer((_, response) => {
    started ??= startTestPostgres();
    started
      .then((server) => server.freshDatabase())
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
    await (await started?.catch(() => undefined))?.stop();
  };
}
