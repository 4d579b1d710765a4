import { afterAll, beforeAll, describe } from 'vitest';
import { limitsContract } from './contract.js';
import type { LimitsUnderTest, OpenOptions } from './testing/context.js';
import { type DatabaseNodes, startDatabaseNodes } from './testing/databaseNodes.js';
import { losingDatabase, openSite } from './testing/databaseSite.js';
import { admitRequest, poolToken } from './testing/fixtures.js';
import { limitsModel } from './testing/model.js';

let nodes: DatabaseNodes;
beforeAll(async () => {
  nodes = await startDatabaseNodes();
});
afterAll(() => nodes.close());

async function open({ settings, found = [] }: OpenOptions): Promise<LimitsUnderTest> {
  await nodes.begin(settings);
  if (found.length > 0) {
    const dead = await nodes.node('dead');
    await dead.putTokens(found.map((record) => poolToken(record.tokenId)));
    for (const record of found) {
      const quota = record.metered ? { daily: 1_000_000, monthly: 1_000_000 } : null;
      await dead.admit({ ...admitRequest(''), ...record, quota });
    }
    await dead.close();
    nodes.dead.add('dead');
    nodes.clock().advance(16_000);
  }
  const limits = await nodes.node('run');
  await limits.sweep();
  return { limits, clock: nodes.clock() };
}

describe('limits in the database', () => {
  limitsContract(open, 25);
});

describe('limits in the database of nodes that die, over connections that lose answers', () => {
  limitsModel(({ settings }) => openSite(nodes, { settings, db: losingDatabase(nodes.db) }), 8);
});

describe('limits in the database of nodes that die and write a snapshot every few operations', () => {
  limitsModel(({ settings }) => openSite(nodes, { settings, snapshotAfter: 5 }), 10);
});
