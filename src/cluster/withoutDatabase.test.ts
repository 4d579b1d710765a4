/** Who is remembered to serve by Redis without the database. */
import { expect, it } from 'vitest';
import type { NodeRun } from './nodeRun.js';
import { seenRun } from './testing/kit.js';
import { createWithoutDatabase } from './withoutDatabase.js';
import type { Word } from './words.js';

const NOW = 1_800_000_000_000;
const said = (kind: Word['kind'], agoMs = 100): Word => ({ kind, position: 7, asOf: NOW - 300, saidAt: NOW - agoMs });

function scene() {
  const world = { time: 50_000, living: [] as NodeRun[], readAt: 50_000 };
  const without = createWithoutDatabase({ runId: 'me', known: () => world, monotonic: () => world.time });
  return { world, without };
}

it('is who said last that it has lost the database, and speaks', () => {
  const { without } = scene();
  const words = { me: said('lost'), a: said('lost'), b: said('follows'), c: said('gone'), d: said('lost', 2_001) };
  without.heard(new Map(Object.entries(words)), NOW);
  expect(without.runIds()).toEqual(['a']);
  without.heard(new Map([['a', said('follows')]]), NOW);
  expect(without.runIds()).toEqual([]);
});

it('stays so while the database does not know better: its sign must be later than the word, and say that Redis is lost too', () => {
  const { world, without } = scene();
  without.heard(new Map([['a', said('lost')]]), NOW);
  const signed = (agoMs: number, over: Partial<NodeRun>): readonly string[] => {
    world.readAt = 60_000;
    world.living = [seenRun('a', { redisUp: false, seenAgoMs: agoMs, ...over })];
    return without.runIds();
  };
  expect(signed(0, { redisUp: true })).toEqual(['a']);
  expect(signed(9_000, {})).toEqual(['a']);
  expect(signed(0, { stale: true })).toEqual(['a']);
  expect(signed(8_999, {})).toEqual([]);
});
