import { describe, expect, it } from 'vitest';
import type { NodeRun } from './nodeRun.js';
import { allWell, describeChange, nextState, type Others, othersOf, type StoreState } from './stores.js';
import { seenRun } from './testing/kit.js';

const cut: StoreState = { redis: 'disconnected', postgres: 'connected', health: 'unhealthy', cutOff: true };

describe('what a node is while stores are lost', () => {
  it.each<[string, boolean, boolean, Others, string, boolean]>([
    ['both there', true, true, 'have', 'healthy', false],
    ['Redis lost by all', false, true, 'lost', 'degraded', false],
    ['Redis lost by this node alone', false, true, 'have', 'unhealthy', true],
    ['Redis lost, others not asked long enough', false, true, 'undecided', 'degraded', false],
    ['PostgreSQL lost', true, false, 'unknown', 'unhealthy', false],
    ['both lost', false, false, 'unknown', 'unhealthy', false],
  ])('%s', (_name, redisUp, databaseUp, others, health, cutOff) => {
    expect(nextState(allWell, { redisUp, databaseUp, others })).toEqual({
      redis: redisUp ? 'connected' : 'disconnected',
      postgres: databaseUp ? 'connected' : 'disconnected',
      health,
      cutOff,
    });
  });

  it.each<[string, boolean, boolean, Others, string, boolean]>([
    ['stays so while nobody can say', false, true, 'undecided', 'unhealthy', true],
    ['stays so when PostgreSQL goes as well', false, false, 'unknown', 'unhealthy', true],
    ['serves on when the others have lost Redis too', false, true, 'lost', 'degraded', false],
    ['serves on when Redis is back', true, true, 'have', 'healthy', false],
    ['serves on when Redis is back and PostgreSQL not', true, false, 'unknown', 'unhealthy', false],
  ])('one that was cut off %s', (_name, redisUp, databaseUp, others, health, cutOff) => {
    expect(nextState(cut, { redisUp, databaseUp, others })).toMatchObject({ health, cutOff });
  });
});

describe('what the others say of Redis', () => {
  const run = (runId: string, redisUp: boolean, seenAgoMs: number, stale = false): NodeRun => seenRun(runId, { redisUp, seenAgoMs, stale });
  it.each<[string, NodeRun[], boolean, Others]>([
    ['nobody else lives', [run('me', false, 0)], true, 'lost'],
    ['all others lost it', [run('me', false, 0), run('a', false, 100)], true, 'lost'],
    ['one says it has it, 4 s after we lost it', [run('a', false, 0), run('b', true, 1_000)], true, 'have'],
    ['one said so before it could have noticed', [run('b', true, 1_001)], true, 'undecided'],
    ['our own word is none', [run('me', true, 0)], true, 'lost'],
    ['the database does not answer', [run('b', true, 0)], false, 'unknown'],
    ['what it said is old', [run('b', true, 0, true)], true, 'unknown'],
  ])('%s', (_name, living, databaseUp, said) => {
    expect(othersOf({ runId: 'me', living, readAt: 105_000, redisAnsweredAt: 100_000, allLostAt: null, databaseUp })).toBe(said);
  });

  it('after all had lost it, proves something only when every node has had time to come back', () => {
    const said = (agoMs: number): Others =>
      othersOf({
        runId: 'me',
        living: [run('b', true, agoMs)],
        readAt: 207_000,
        redisAnsweredAt: 100_000,
        allLostAt: 200_000,
        databaseUp: true,
      });
    expect(said(1)).toBe('undecided');
    expect(said(0)).toBe('have');
  });
});

describe('the line in the log', () => {
  it('tells what changed and what follows, and nothing where nothing changed', () => {
    const degraded: StoreState = { redis: 'disconnected', postgres: 'connected', health: 'degraded', cutOff: false };
    expect(describeChange(allWell, allWell)).toBeNull();
    expect(describeChange(allWell, degraded)).toEqual({
      level: 'warn',
      text: 'Redis is lost; the service goes on without Redis (degraded)',
    });
    expect(describeChange(degraded, cut)?.text).toContain('cut off');
    expect(describeChange(cut, allWell)).toEqual({ level: 'info', text: 'Redis is back; all stores answer' });
    expect(describeChange(degraded, { ...degraded, postgres: 'disconnected', health: 'unhealthy' })?.text).toMatch(
      /^PostgreSQL is lost; new/,
    );
  });
});
