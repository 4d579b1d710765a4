import { expect, test } from 'vitest';
import { until } from '../../../tests/support/until.js';
import { readClock } from '../home/row.js';
import { startDatabaseNodes } from '../testing/databaseNodes.js';
import { poolToken } from '../testing/fixtures.js';
import { openLane } from './lane.js';

test("a look is never ahead of the database's clock, whatever others have committed since this node did", async () => {
  const nodes = await startDatabaseNodes();
  await nodes.begin();
  const onMoved = (): void => undefined;
  const lane = await openLane({ db: nodes.db, term: nodes.term(), runId: 'a', random: () => 0.5, onMoved });
  const other = await nodes.node('b', { clock: null });
  const opened = await readClock(nodes.db);
  await until('half a second', async () => (await readClock(nodes.db)) > opened + 500 || undefined);
  await other.putTokens([poolToken('t')]);
  const seen = await lane.read((_replica, now) => now.wall, true);
  expect(seen).toBeLessThanOrEqual(await readClock(nodes.db));
  expect(seen).toBeGreaterThan(opened);
  await lane.close();
  await nodes.close();
});
