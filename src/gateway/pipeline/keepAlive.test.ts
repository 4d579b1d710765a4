import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKeepAlives } from './keepAlive.js';

let time = 0;
beforeEach(() => {
  vi.useFakeTimers();
  time = 0;
});
afterEach(() => vi.useRealTimers());

describe('keep-alives (pitfall 46)', () => {
  it('beat from before the first token, and silence never lasts longer than the period', () => {
    const beats: number[] = [];
    const alive = createKeepAlives(15_000, () => time);
    const entry = alive.add(() => beats.push(time));
    for (let i = 0; i < 60; i += 1) {
      time += 1_000;
      vi.advanceTimersByTime(1_000);
    }
    const gaps = beats.map((at, i) => at - (beats[i - 1] ?? 0));
    expect(beats.length).toBeGreaterThanOrEqual(4);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(15_000);
    entry.end();
    const before = beats.length;
    time += 60_000;
    vi.advanceTimersByTime(60_000);
    expect(beats.length).toBe(before);
    alive.close();
  });

  it('stay silent while output flows', () => {
    const beat = vi.fn();
    const alive = createKeepAlives(15_000, () => time);
    const entry = alive.add(beat);
    for (let i = 0; i < 100; i += 1) {
      time += 1_000;
      entry.touch();
      vi.advanceTimersByTime(1_000);
    }
    expect(beat).not.toHaveBeenCalled();
    alive.close();
  });
});
