import { describe, expect, it } from 'vitest';
import { isoOfLocal, localOfIso } from './localTime';

describe('the time of a field', () => {
  it('comes back as it was given, to the minute', () => {
    for (const local of ['2026-11-23T07:05', '2026-01-01T00:00', '2026-07-31T23:59']) expect(localOfIso(isoOfLocal(local))).toBe(local);
  });

  it('is empty for what is no time', () => {
    expect([isoOfLocal(''), isoOfLocal('soon'), localOfIso(''), localOfIso('soon')]).toEqual(['', '', '', '']);
  });
});
