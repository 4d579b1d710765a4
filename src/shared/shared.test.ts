import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIds, derivedUuid, uuidTime } from './ids.js';
import { safeText } from './safeText.js';

describe('ids', () => {
  it('are version 7, carry their millisecond, and rise also when the clock steps back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5_000, max: 5_000 }), { minLength: 1, maxLength: 300 }), (steps) => {
        let now = 1_795_392_000_000;
        const ids = createIds({ now: () => now, monotonic: () => 0 });
        let last = '';
        for (const step of steps) {
          now += step;
          const id = ids.uuid();
          expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
          expect(id > last).toBe(true);
          last = id;
        }
      }),
    );
    const ids = createIds({ now: () => 1_795_392_000_123, monotonic: () => 0 });
    expect(uuidTime(ids.uuid())).toBe(1_795_392_000_123);
  });

  it('do not repeat within a millisecond', () => {
    const ids = createIds({ now: () => 5, monotonic: () => 0 });
    expect(new Set(Array.from({ length: 20_000 }, () => ids.uuid())).size).toBe(20_000);
  });

  it('that are derived are the same for the same name and moment, and of version 7 as well', () => {
    const id = derivedUuid('a', 1_795_392_000_123);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(derivedUuid('a', 1_795_392_000_123)).toBe(id);
    expect(uuidTime(id)).toBe(1_795_392_000_123);
    expect(derivedUuid('b', 1_795_392_000_123)).not.toBe(id);
    expect(derivedUuid('a', 1_795_392_000_124)).not.toBe(id);
  });
});

describe('safe text', () => {
  it('has no NUL, is well-formed and bounded, whatever comes in', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), fc.integer({ min: 1, max: 50 }), (text, max) => {
        const safe = safeText(text, max);
        expect(safe.isWellFormed()).toBe(true);
        expect(safe.length).toBeLessThanOrEqual(max);
        expect(safe).not.toContain('\0');
      }),
    );
  });

  it('never cuts a pair in two', () => {
    expect(safeText('ab😀', 3)).toBe('ab');
  });
});
