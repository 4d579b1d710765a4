import { describe, expect, it } from 'vitest';
import { consoleToLog } from './consoleToLog.js';
import { createLogger } from './logger.js';

describe("a library's own words", () => {
  it('become lines of the log, each of the level it was said at', () => {
    const lines: string[] = [];
    const target = { ...console };
    consoleToLog(target, createLogger({ level: 'info', nodeId: 'n', destination: { write: (line) => void lines.push(line) } }));
    target.warn('skipping %s', 'the check\nof Redis', { of: 1 });
    target.error(new Error('lost'));
    target.log('hello');
    target.debug('not at this level');
    const said = lines.map((line) => JSON.parse(line) as { level: string; msg: string; from: string });
    expect(said.map(({ level, from }) => [level, from])).toEqual([
      ['warn', 'console'],
      ['error', 'console'],
      ['info', 'console'],
    ]);
    expect(said[0]?.msg).toBe('skipping the check\nof Redis { of: 1 }');
    expect(said[1]?.msg).toMatch(/^Error: lost/);
  });
});
