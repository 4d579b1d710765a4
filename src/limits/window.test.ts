import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addAnswered, answerSend, createWindow, hourCount, hourFreeAt, minuteCount, minuteFreeAt, trimWindow } from './window.js';

const step = fc.oneof(
  fc.record({ op: fc.constant('send' as const) }),
  fc.record({ op: fc.constant('answer' as const) }),
  fc.record({ op: fc.constant('restore' as const), ages: fc.array(fc.nat({ max: 4_000_000 }), { maxLength: 5 }) }),
  fc.record({ op: fc.constant('pass' as const), ms: fc.oneof(fc.nat({ max: 30_000 }), fc.nat({ max: 2_000_000 })) }),
);

describe('send window', () => {
  it('counts what a plain list counts, and names the moment of release', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), fc.integer({ min: 1, max: 6 }), (steps, limit) => {
        const window = createWindow();
        let now = 5_000_000;
        let open = 0;
        let list: number[] = [];
        for (const one of steps) {
          if (one.op === 'pass') now += one.ms;
          else if (one.op === 'send') {
            window.unanswered += 1;
            open += 1;
          } else if (one.op === 'restore') {
            addAnswered(
              window,
              one.ages.map((age) => now - age),
              now,
            );
            list = [...list, ...one.ages.map((age) => now - age)].sort((a, b) => a - b);
          } else if (open > 0) {
            answerSend(window, now);
            open -= 1;
            list.push(now);
          }
          trimWindow(window, now);
          for (const [length, count, freeAt] of [
            [61_000, minuteCount, minuteFreeAt],
            [3_601_000, hourCount, hourFreeAt],
          ] as const) {
            const ends = [
              ...list.filter((at) => at + length > now).map((at) => at + length),
              ...Array.from({ length: open }, () => now + length),
            ];
            expect(count(window)).toBe(ends.length);
            expect(freeAt(window, limit, now)).toBe(ends.length < limit ? now : ends[ends.length - limit]);
          }
        }
      }),
    );
  });

  it('holds on to no more than still counts, and at most as much again', () => {
    const window = createWindow();
    for (let i = 0; i < 50_000; i += 1) {
      window.unanswered += 1;
      answerSend(window, i * 1_000);
      trimWindow(window, i * 1_000);
    }
    expect(hourCount(window)).toBe(3_601);
    expect(window.answered.length).toBeLessThan(2 * 3_601 + 64);
  });
});
