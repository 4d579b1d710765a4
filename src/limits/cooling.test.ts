import { describe, expect, it } from 'vitest';
import { capacityBackOffMs, coolingMs, riskCoolingMs } from './cooling.js';

const minutes = (ms: number): number => ms / 60_000;

describe('cooling', () => {
  it('rests 5 minutes after two failures in a row and 30 after three and more', () => {
    expect([0, 1, 2, 3, 4, 5, 9].map((fails) => minutes(coolingMs(fails)))).toEqual([0, 0, 5, 30, 30, 30, 30]);
  });

  it('rests 30 minutes at least after a risk answer, and follows a hint up to four hours', () => {
    expect(minutes(riskCoolingMs(1, null))).toBe(30);
    expect(minutes(riskCoolingMs(1, 5_000))).toBe(30);
    expect(minutes(riskCoolingMs(1, 3_600_000))).toBe(60);
    expect(minutes(riskCoolingMs(1, 18 * 86_400_000))).toBe(240);
  });

  it('backs off from 1 s to 30 s while capacity stays short; a hint counts within these bounds', () => {
    expect([1, 2, 3, 4, 5, 6, 60].map((streak) => capacityBackOffMs(streak, null) / 1_000)).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(capacityBackOffMs(1, 7_000)).toBe(7_000);
    expect(capacityBackOffMs(1, 600_000)).toBe(30_000);
    expect(capacityBackOffMs(3, 10)).toBe(4_000);
  });
});
