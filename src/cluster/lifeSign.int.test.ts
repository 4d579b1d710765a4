/** Life signs over real databases; the node's clock and timers are the test's, the database's clock is real. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, sql } from '../infra/database/port.js';
import { engines, openTestDatabase, type TestDatabase } from '../infra/database/testing/engines.js';
import { createTestClock } from '../limits/testing/fixtures.js';
import { type LifeSign, type LifeSignDeps, type Overslept, startLifeSign } from './lifeSign.js';
import { writeSign } from './lifeSignStore.js';
import { createHandTimers, losable } from './testing/kit.js';

describe.each(engines)('a life sign on %s', (engine) => {
  let store: TestDatabase;
  let db: Database;
  const signs: LifeSign[] = [];
  beforeEach(async () => {
    store = await openTestDatabase(engine);
    db = store.db;
  });
  afterEach(async () => {
    for (const sign of signs.splice(0)) await sign.close();
    await store.end();
  });

  async function node(runId: string, over: Partial<LifeSignDeps> = {}) {
    const clock = createTestClock();
    const timers = createHandTimers();
    const store1 = losable(over.db ?? (await store.another()));
    const lines: string[] = [];
    const state = { redisUp: true, load: { connections: 3, requestsLastMinute: 7 } };
    const sign = await startLifeSign({
      runId,
      nodeId: `node-${runId}`,
      version: '1.2.3',
      redisUp: () => state.redisUp,
      load: () => state.load,
      clock,
      logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
      every: timers.every,
      ...over,
      db: store1.db,
    });
    signs.push(sign);
    return { sign, clock, timers, store: store1, lines, state, turn: () => turn(sign, timers.turn) };
  }

  /** Lets the timer go off and waits for what it began. */
  async function turn(sign: LifeSign, off: () => void): Promise<void> {
    const changed = new Promise<void>((resolve) => {
      const stop = sign.onChange(() => {
        stop();
        resolve();
      });
    });
    off();
    await changed;
  }

  /** As if so much time had gone by since a run was seen. */
  const age = (runId: string, ms: number): Promise<unknown> =>
    db.query(sql`update node_runs set seen_at = seen_at - ${ms} where run_id = ${runId}`);
  const names = async (sign: LifeSign): Promise<string[]> => (await sign.living()).map(({ runId }) => runId).sort();

  it('shows every run to every other with what it says of itself', async () => {
    const one = await node('a', { leader: () => true, settings: '{"x":1}' });
    const two = await node('b', { redisUp: () => false, health: () => 'degraded' });
    expect(await names(two.sign)).toEqual(['a', 'b']);
    const [run] = (await two.sign.living()).filter(({ runId }) => runId === 'a');
    expect(run).toMatchObject({ nodeId: 'node-a', version: '1.2.3', redisUp: true, health: 'healthy', leader: true, settings: '{"x":1}' });
    expect(run).toMatchObject({ connections: 3, requestsLastMinute: 7, stale: false });
    one.clock.advance(1_000);
    expect((await one.sign.living()).find(({ runId }) => runId === 'b')).toMatchObject({ redisUp: false, health: 'degraded' });
  });

  it('is given every 2 s, with new load figures every 10 s', async () => {
    const { sign, clock, timers, state, turn } = await node('a');
    const began = sign.lastWritten();
    state.load = { connections: 9, requestsLastMinute: 9 };
    clock.advance(1_999);
    timers.turn();
    expect(sign.lastWritten()).toBe(began);
    clock.advance(1);
    await turn();
    expect(sign.lastWritten()).toBe(began + 2_000);
    expect(sign.known().living[0]?.connections).toBe(3);
    for (let i = 0; i < 4; i += 1) {
      clock.advance(2_000);
      await turn();
    }
    expect(sign.known().living[0]?.connections).toBe(9);
  });

  it('tells a change of redis_up at the next look, and at once when asked to', async () => {
    const { sign, clock, state, turn } = await node('a');
    state.redisUp = false;
    clock.advance(250);
    await turn();
    expect(sign.known().living[0]?.redisUp).toBe(false);
    state.redisUp = true;
    await sign.tell();
    expect(sign.known().living[0]?.redisUp).toBe(true);
  });

  it('says what is true when it is sent, however many ask at once', async () => {
    const { sign, state } = await node('a');
    const first = sign.tell();
    state.redisUp = false;
    await Promise.all([first, sign.tell(), sign.tell()]);
    expect(sign.known().living[0]?.redisUp).toBe(false);
  });

  it('that reaches the database too late to be true is not written', async () => {
    await node('a');
    const sign = { runId: 'a', nodeId: 'node-a', version: '1.2.3', redisUp: false, health: 'degraded', leader: false } as const;
    const rest = { connections: 0, requestsLastMinute: 0, settings: '{}', settingsPosition: null };
    const late = await writeSign(db, { ...sign, ...rest }, Date.now() - 60_000);
    expect(late.seenAt).toBeNull();
    expect(late.roll.runs[0]).toMatchObject({ runId: 'a', redisUp: true });
    const inTime = await writeSign(db, { ...sign, ...rest }, late.roll.now);
    expect(inTime.seenAt).toBeGreaterThanOrEqual(late.roll.now);
    expect(inTime.roll.runs[0]).toMatchObject({ runId: 'a', redisUp: false });
  });

  it('is given anew, and says what is true, after one came too late', async () => {
    const { sign, clock, state, turn } = await node('a');
    // The database's clock seems to be far ahead of what was reckoned: as after it stood still.
    clock.advance(-60_000);
    state.redisUp = false;
    await sign.tell();
    expect(sign.known().living[0]?.redisUp).toBe(true);
    clock.advance(250);
    await turn();
    expect(sign.known().living[0]?.redisUp).toBe(false);
  });

  it('ends with its run; and a run that began a moment ago calls nobody dead', async () => {
    const one = await node('a');
    await node('crashed');
    const gone = await node('b');
    await gone.sign.close();
    one.clock.advance(1_000);
    expect(await names(one.sign)).toEqual(['a', 'crashed']);
    await age('crashed', 20_000);
    one.clock.advance(1_000);
    // The other may just have been away.
    expect(await names(one.sign)).toEqual(['a', 'crashed']);
  });

  it('tells which runs are dead, and none while the database cannot say', async () => {
    const { sign, store } = await node('a');
    const started = await node('b');
    expect(await sign.dead(['a', 'b', 'never-heard-of'])).toEqual(['never-heard-of']);
    await started.sign.close();
    expect(await sign.dead(['a', 'b'])).toEqual(['b']);
    store.lost = true;
    expect(await sign.dead(['a', 'b'])).toEqual([]);
    store.lost = false;
  });

  it('survives a lost database: the last known is marked, nothing is thrown, and signs go on when it is back', async () => {
    const { sign, clock, timers, store, lines, turn } = await node('a');
    expect(sign.databaseUp()).toBe(true);
    store.lost = true;
    for (let i = 0; i < 10; i += 1) {
      clock.advance(500);
      await (i < 3 ? timers.turn() : turn());
    }
    expect(sign.databaseUp()).toBe(false);
    expect(await sign.living()).toMatchObject([{ runId: 'a', stale: true }]);
    await sign.tell();
    expect(lines).toEqual([]);
    store.lost = false;
    clock.advance(500);
    await turn();
    expect(sign.databaseUp()).toBe(true);
    expect(await sign.living()).toMatchObject([{ runId: 'a', stale: false }]);
  });

  it('tells a fault of its own once', async () => {
    const { sign, clock, lines, turn } = await node('a');
    await db.query(sql`alter table node_runs rename to elsewhere`);
    for (let i = 0; i < 3; i += 1) {
      clock.advance(2_000);
      await turn();
    }
    expect(lines).toHaveLength(1);
    await db.query(sql`alter table elsewhere rename to node_runs`);
    await sign.tell();
  });

  it('notices that its process was frozen for so long that others may have taken it for dead', async () => {
    const { sign, clock, turn } = await node('a');
    const gaps: Overslept[] = [];
    sign.onOverslept((gap) => gaps.push(gap));
    clock.advance(14_000);
    await turn();
    expect(gaps).toEqual([]);
    await age('a', 20_000);
    clock.advance(20_000);
    expect(sign.databaseUp()).toBe(false);
    await turn();
    expect(gaps).toEqual([{ gapMs: 20_000, cause: 'frozen' }]);
    expect(sign.databaseUp()).toBe(true);
    clock.advance(2_000);
    await turn();
    expect(gaps).toHaveLength(1);
  });

  it('comes back when its row was pruned meanwhile', async () => {
    const { sign } = await node('a');
    await db.query(sql`delete from node_runs`);
    await sign.tell();
    expect(await names(sign)).toEqual(['a']);
  });

  it('clears away rows of a day ago, and those that crashes of its own node left', async () => {
    await node('old');
    await node('crash1', { nodeId: 'node-x' });
    await node('other');
    await age('old', 86_400_001);
    await age('crash1', 61_000);
    await age('other', 61_000);
    const { sign, clock } = await node('now', { nodeId: 'node-x' });
    clock.advance(1_000);
    expect((await sign.runs()).map(({ runId }) => runId).sort()).toEqual(['now', 'other']);
  });

  it('does not begin without its database', async () => {
    const gone = losable(await store.another());
    gone.lost = true;
    await expect(node('a', { db: gone.db })).rejects.toThrow('took the database away');
  });
});
