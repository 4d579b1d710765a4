/** The test server itself: private databases, a crash and a return on the same port, and nothing left behind. */
import { existsSync } from 'node:fs';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPostgres, type TestPostgres } from './server.js';
import { freshPostgresDatabase } from './shared.js';

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('a PostgreSQL of a test', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startTestPostgres();
  });
  afterAll(() => server.stop());

  it('gives each asker an empty database', async () => {
    const [one, two] = await Promise.all([server.freshDatabase(), server.freshDatabase()]);
    await ask(one, 'create table a (b int)');
    expect(await ask(two, "select to_regclass('a') as found")).toEqual([{ found: null }]);
  });

  it.each(['fast', 'immediate'] as const)('comes back on its port with its data after a stop that is %s', async (mode) => {
    const url = await server.freshDatabase();
    await ask(url, 'create table kept (b int)');
    await server.down(mode);
    await expect(ask(url, 'select 1')).rejects.toThrow('ECONNREFUSED');
    await server.up();
    expect(await ask(url, 'select * from kept')).toEqual([]);
  });

  it('leaves no process and no folder', async () => {
    const own = await startTestPostgres();
    const { pid } = own;
    const [where] = (await ask(own.url, 'show data_directory')) as { data_directory: string }[];
    await own.stop();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(existsSync(where?.data_directory ?? '/')).toBe(false);
  });

  it('is there once for the run as well, for suites that only need a database', async () => {
    const [one, two] = await Promise.all([freshPostgresDatabase(), freshPostgresDatabase()]);
    expect(one).not.toBe(two);
    expect(new URL(one).port).toBe(new URL(two).port);
    expect(await ask(one, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});
