import { describe, expect, it } from 'vitest';
import { createRecent } from './recent.js';

describe('the count of the last minute', () => {
  it('holds what happened within 60 s, and forgets it second by second', () => {
    let now = 500;
    const recent = createRecent(() => now);
    recent.count();
    now = 30_000;
    recent.count();
    recent.count();
    expect(recent.lastMinute()).toBe(3);
    now = 60_000;
    expect(recent.lastMinute()).toBe(2);
    now = 89_999;
    expect(recent.lastMinute()).toBe(2);
    now = 90_000;
    expect(recent.lastMinute()).toBe(0);
  });

  it('is empty after a long silence', () => {
    let now = 0;
    const recent = createRecent(() => now);
    recent.count();
    now = 3_600_000 + 10;
    expect(recent.lastMinute()).toBe(0);
    recent.count();
    expect(recent.lastMinute()).toBe(1);
  });
});
