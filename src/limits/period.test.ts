import { describe, expect, it } from 'vitest';
import { createPeriodCache, periodEnd, periodOf } from './period.js';

describe('periods', () => {
  it('are UTC days and months', () => {
    expect(periodOf(Date.UTC(2026, 10, 30, 23, 59, 59, 999))).toEqual({ day: '2026-11-30', month: '2026-11' });
    expect(periodOf(Date.UTC(2026, 11, 1))).toEqual({ day: '2026-12-01', month: '2026-12' });
  });

  it('end where the next begins, over months, years and leap days', () => {
    expect(periodEnd('2026-12-31')).toBe(Date.UTC(2027, 0, 1));
    expect(periodEnd('2026-12')).toBe(Date.UTC(2027, 0, 1));
    expect(periodEnd('2028-02-28')).toBe(Date.UTC(2028, 1, 29));
    expect(periodEnd('2028-02')).toBe(Date.UTC(2028, 2, 1));
  });

  it('come out of the cache alike, whichever way the clock goes', () => {
    const cached = createPeriodCache();
    const noon = Date.UTC(2026, 10, 23, 12);
    for (const at of [noon, noon + 1, noon + 86_400_000, noon]) expect(cached(at)).toEqual(periodOf(at));
  });
});
