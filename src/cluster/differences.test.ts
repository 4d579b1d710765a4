import { pino } from 'pino';
import { expect, it } from 'vitest';
import { reportDifferences, settingDifferences } from './differences.js';
import type { NodeRun } from './nodeRun.js';

const run = (runId: string, settings: string): NodeRun => ({
  ...{ runId, nodeId: `node-${runId}`, version: '0', startedAt: 0, seenAt: 0, seenAgoMs: 0, redisUp: true, health: 'healthy' },
  ...{ connections: 0, requestsLastMinute: 0, leader: false, settings, settingsPosition: null, stale: false },
});

it('settings that differ between environments are told once each, with both values', () => {
  const mine = JSON.stringify({ token_rpm_limit: 10, site_enabled: true, new_one: 1 });
  const living = [
    run('me', mine),
    run('a', '{"token_rpm_limit":20,"site_enabled":true,"unknown_here":5}'),
    run('b', '{"token_rpm_limit":30}'),
    run('c', 'no json'),
    run('d', '[1]'),
  ];
  const differences = settingDifferences('me', mine, living);
  expect(differences).toEqual([{ setting: 'token_rpm_limit', here: 10, nodeId: 'node-a', there: 20 }]);
  const lines: string[] = [];
  reportDifferences(differences, pino({}, { write: (line: string) => void lines.push(line) }));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('token_rpm_limit');
});

it('nothing is told where all agree', () => {
  expect(settingDifferences('me', '{"a":1}', [run('me', '{"a":2}'), run('x', '{"a":1}')])).toEqual([]);
});
