/** The limits in PostgreSQL: the same answers, several nodes under one lock, and a server that dies in the middle. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/support/until.js';
import { openPostgres } from '../infra/database/postgres.js';
import { startTestPostgres, type TestPostgres } from '../infra/database/testing/server.js';
import type { DatabaseLimits } from './database.js';
import { type DatabaseNodes, startDatabaseNodes } from './testing/databaseNodes.js';
import { losingDatabase, openSite } from './testing/databaseSite.js';
import { admitRequest, poolToken, roomy } from './testing/fixtures.js';
import { limitsModel } from './testing/model.js';

let server: TestPostgres;
let nodes: DatabaseNodes;
beforeAll(async () => {
  server = await startTestPostgres();
  nodes = await startDatabaseNodes(await openPostgres({ url: server.url }));
});
beforeEach(() => nodes.begin());
afterAll(async () => {
  await nodes.close();
  await server.stop();
});

describe('limits in PostgreSQL of nodes that die, over connections that lose answers', () => {
  limitsModel(({ settings }) => openSite(nodes, { settings, db: losingDatabase(nodes.db) }), 3);
});

describe('nodes that share limits in PostgreSQL', () => {
  const quota = { daily: 50, monthly: 100 };

  it('let exactly N through together, and exceed no cap of a token', async () => {
    await nodes.begin({ ...roomy, tokenMaxConcurrent: 2 });
    const pair = [await nodes.node('a', { clock: null }), await nodes.node('b', { clock: null })] as const;
    await pair[0].putTokens(['t1', 't2', 't3', 't4', 't5'].map((id) => poolToken(id)));
    const burst = (name: string, size: number, over: object) =>
      Promise.all(Array.from({ length: size }, (_, i) => (i % 2 === 0 ? pair[0] : pair[1]).admit(admitRequest(`${name}${i}`, over))));
    expect((await burst('x', 300, {})).filter((answer) => answer.ok)).toHaveLength(10);
    for (const use of await pair[1].tokenUse(['t1', 't2', 't3', 't4', 't5'])) expect(use).toMatchObject({ concurrency: 2, rpm: 2 });
    pair[0].configure(roomy);
    // Each try is an attempt of its own: a refusal is told again to the same one.
    let tries = 0;
    await until('the settings', async () => {
      tries += 1;
      return (await pair[1].admit(admitRequest(`probe${tries}`, { keyId: 'probe' }))).ok || undefined;
    });
    expect((await burst('y', 300, { quota, keyId: 'other' })).filter((answer) => answer.ok)).toHaveLength(50);
  });

  it('lose and double nothing when the server dies under them', async () => {
    await nodes.begin({ ...roomy, tokenMaxConcurrent: 1_000 });
    const pair: readonly DatabaseLimits[] = [await nodes.node('a', { clock: null }), await nodes.node('b', { clock: null })];
    await pair[0]?.putTokens([poolToken('t')]);
    let admitted = 0;
    const one = async (limits: DatabaseLimits | undefined, id: string): Promise<void> => {
      const request = admitRequest(id, { quota: { daily: 200, monthly: 1_000 } });
      const answer = await limits?.admit(request).catch(() => undefined);
      if (answer === undefined) return limits?.cancel(request.attemptId);
      if (answer.ok) admitted += 1;
    };
    const work = Array.from({ length: 260 }, (_, i) => one(pair[i % 2], `${i}`));
    await server.restart('immediate');
    await Promise.all(work);
    const more = Array.from({ length: 100 }, (_, i) => one(pair[i % 2], `more${i}`));
    await Promise.all(more);
    expect(admitted).toBe(200);
    for (const limits of pair) expect(await limits.userUse('user')).toMatchObject({ dayUsed: 200 });
  });
});
