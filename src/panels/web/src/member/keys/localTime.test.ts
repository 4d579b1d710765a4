import { describe, expect, it } from 'vitest';
import { fromLocalTime, toLocalTime } from './localTime';

describe('the field for date and time', () => {
  it('shows a time of the API in the reader’s zone and gives the same one back', () => {
    const shown = toLocalTime('2027-03-04T05:06:00.000Z');
    expect(shown).toMatch(/^2027-03-0\dT\d\d:\d\d$/);
    expect(fromLocalTime(shown)).toBe('2027-03-04T05:06:00.000Z');
  });

  it('is empty for no time', () => {
    expect([toLocalTime(null), fromLocalTime('')]).toEqual(['', null]);
  });
});
