import { describe, expect, it } from 'vitest';
import { afterSign, livingOf, type NodeRun, noSigns, type OwnSigns } from './nodeRun.js';

const run = (runId: string, seenAt: number): NodeRun => ({
  runId,
  nodeId: runId,
  version: '0',
  startedAt: 0,
  seenAt,
  seenAgoMs: 0,
  redisUp: true,
  health: 'healthy',
  connections: 0,
  requestsLastMinute: 0,
  leader: false,
  settings: '{}',
  settingsPosition: null,
  stale: false,
});

const signs = (...times: number[]): OwnSigns => times.reduce(afterSign, noSigns);
const every2s = (from: number, to: number): number[] => Array.from({ length: (to - from) / 2_000 + 1 }, (_, i) => from + i * 2_000);
const alive = (now: number, own: OwnSigns, runs: Record<string, number>): string[] =>
  livingOf({ now, runs: Object.entries(runs).map(([id, at]) => run(id, at)) }, own).map(({ runId }) => runId);

describe('who lives', () => {
  it('are those seen within 15 s, told by a run whose own signs are unbroken', () => {
    expect(alive(120_000, signs(...every2s(100_000, 120_000)), { me: 120_000, edge: 105_000, dead: 104_999 })).toEqual(['me', 'edge']);
  });

  it('are all that are left, for a run that began less than 15 s ago', () => {
    const runs = { me: 114_000, before: 20_000 };
    expect(alive(114_000, signs(...every2s(100_000, 114_000)), runs)).toEqual(['me', 'before']);
    expect(alive(116_000, signs(...every2s(100_000, 116_000)), runs)).toEqual(['me']);
  });

  it('are those who lived before the database was away, until they had 15 s to give a sign', () => {
    const before = every2s(100_000, 120_000);
    const away = 180_000;
    const runs = { me: away, other: 119_000, deadBefore: 104_000 };
    expect(alive(away, signs(...before, away), runs)).toEqual(['me', 'other']);
    expect(alive(away + 14_000, signs(...before, ...every2s(away, away + 14_000)), runs)).toEqual(['me', 'other']);
    expect(alive(away + 16_000, signs(...before, ...every2s(away, away + 16_000)), { ...runs, me: away + 16_000 })).toEqual(['me']);
  });

  it('are so also when the database goes away again at once', () => {
    const own = signs(...every2s(100_000, 120_000), 180_000, 182_000, 240_000);
    expect(alive(240_000, own, { me: 240_000, other: 119_000 })).toEqual(['me', 'other']);
  });

  it('are so after an outage that was shorter than the period: another node may come back later than this one', () => {
    const own = signs(...every2s(100_000, 120_000), 133_000);
    expect(alive(137_000, own, { me: 137_000, other: 121_000 })).toEqual(['me', 'other']);
  });
});
