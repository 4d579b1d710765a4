import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { eventType } from '../events/index.js';
import { createTestClock } from '../limits/testing/fixtures.js';
import type { NodeRun } from './nodeRun.js';
import type { StoreState } from './stores.js';
import { type StoreEvent, type StoreWatchDeps, startStoreWatch } from './storeWatch.js';
import { createHandTimers, seenRun } from './testing/kit.js';

function scene(over: Partial<StoreWatchDeps> = {}) {
  const clock = createTestClock();
  const timers = createHandTimers();
  const lines: { level: number; msg: string }[] = [];
  const recorded: StoreEvent[] = [];
  const world = { redisUp: true, databaseUp: true, living: [] as NodeRun[], signs: 0, refuses: false };
  const watch = startStoreWatch({
    runId: 'me',
    nodeId: 'node-me',
    probe: { up: () => world.redisUp, lastAnswer: () => 0, refusal: () => null, onChange: () => () => undefined, close: () => undefined },
    lifeSign: {
      known: () => ({ living: world.living, readAt: clock.monotonic() }),
      living: async () => world.living,
      databaseUp: () => world.databaseUp,
      onChange: () => () => undefined,
      tell: async () => undefined,
    },
    addresses: { redis: 'cache:6379/0', postgres: 'db:5432/kirogate' },
    record: async (event) => {
      if (world.refuses) throw new Error('not now');
      recorded.push(event);
    },
    clock,
    logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as { level: number; msg: string }) }),
    every: timers.every,
    ...over,
  });
  const turn = async (): Promise<void> => {
    timers.turn();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, world, watch, lines, recorded, turn };
}

describe('the watch over the stores', () => {
  it('tells each change once: one line, one event, one call', async () => {
    const { clock, world, watch, lines, recorded, turn } = scene();
    const states: StoreState[] = [];
    watch.onChange((state) => states.push(state));
    for (let i = 0; i < 3; i += 1) await turn();
    expect(lines).toEqual([]);
    world.redisUp = false;
    for (let i = 0; i < 3; i += 1) await turn();
    clock.advance(60_000);
    world.redisUp = true;
    for (let i = 0; i < 3; i += 1) await turn();
    expect(lines.map(({ msg }) => msg)).toEqual([
      'Redis is lost; the service goes on without Redis (degraded)',
      'Redis is back; all stores answer',
    ]);
    expect(states.map(({ health }) => health)).toEqual(['degraded', 'healthy']);
    expect(recorded).toEqual([
      expect.objectContaining({
        type: 'kirogate.store.lost',
        data: { store: 'redis', nodeId: 'node-me', at: expect.any(Number), message: 'cache:6379/0 does not answer' },
      }),
      expect.objectContaining({
        type: 'kirogate.store.recovered',
        data: expect.objectContaining({ store: 'redis', downMs: 60_000, outcome: 'same', reappended: 0, message: null }),
      }),
    ]);
  });

  it('does not call a node cut off that is merely not the first to come back', async () => {
    const { clock, world, watch, turn } = scene();
    const other = (redisUp: boolean): NodeRun => seenRun('other', { redisUp });
    world.redisUp = false;
    world.living = [other(false)];
    await turn();
    clock.advance(60_000);
    await turn();
    world.living = [other(true)];
    clock.advance(5_000);
    await turn();
    expect(watch.state()).toMatchObject({ health: 'degraded', cutOff: false });
    clock.advance(5_000);
    await turn();
    expect(watch.state()).toMatchObject({ health: 'unhealthy', cutOff: true });
  });

  it('keeps the events of a lost database until it takes them, in order', async () => {
    const { clock, world, recorded, turn } = scene();
    world.databaseUp = false;
    await turn();
    world.redisUp = false;
    await turn();
    clock.advance(5_000);
    expect(recorded).toEqual([]);
    world.databaseUp = true;
    world.refuses = true;
    await turn();
    expect(recorded).toEqual([]);
    world.refuses = false;
    await turn();
    expect(recorded.map(({ type, store }) => `${type} ${store}`)).toEqual([
      'kirogate.store.lost postgres',
      'kirogate.store.lost redis',
      'kirogate.store.recovered postgres',
    ]);
  });

  it('holds no more than a hundred events of an outage that flaps, the newest', async () => {
    const { world, watch, recorded, turn } = scene();
    world.refuses = true;
    for (let i = 0; i < 300; i += 1) {
      world.redisUp = !world.redisUp;
      await turn();
    }
    world.refuses = false;
    await watch.close();
    expect(recorded).toHaveLength(100);
    expect(recorded.at(-1)?.type).toBe('kirogate.store.recovered');
  });

  it('makes events that their types take', async () => {
    const { world, recorded, turn } = scene();
    world.redisUp = false;
    await turn();
    world.redisUp = true;
    await turn();
    expect(recorded.map(({ type, data }) => eventType(type)?.schema.safeParse(data).success)).toEqual([true, true]);
  });

  it('tells with the event what the event log found when Redis came back', async () => {
    const recovery = { outcome: 'restored', reappended: 12, message: 'came back empty' } as const;
    const { world, recorded, turn } = scene({ recovery: () => recovery });
    world.redisUp = false;
    await turn();
    world.redisUp = true;
    await turn();
    expect(recorded.at(-1)?.data).toMatchObject(recovery);
  });
});
