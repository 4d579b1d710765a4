/** The line that tells of events of unknown types. */
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createTestClock } from '../../limits/testing/fixtures.js';
import { createUnknownTypesTeller } from './unknownTypes.js';

it('tells of events of unknown types once a minute, and counts what came meanwhile', () => {
  const clock = createTestClock();
  const lines: number[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push((JSON.parse(line) as { events: number }).events) });
  const tell = createUnknownTypesTeller(logger, clock);
  tell(0);
  tell(2);
  tell(3);
  clock.advance(59_999);
  tell(0);
  expect(lines).toEqual([2]);
  clock.advance(1);
  tell(4);
  clock.advance(60_000);
  tell(0);
  expect(lines).toEqual([2, 7]);
});
