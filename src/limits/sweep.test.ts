import { expect, it } from 'vitest';
import { createSweep } from './sweep.js';

it('a sweep comes by every entry, also those added on the way, and takes the dead ones', () => {
  const map = new Map<number, boolean>();
  const sweep = createSweep(map, (dead: boolean) => dead);
  for (let i = 0; i < 1_000; i += 1) {
    map.set(i, i % 10 !== 0);
    sweep(0);
  }
  for (let i = 0; i < 700; i += 1) sweep(0);
  expect([...map.keys()]).toEqual(Array.from({ length: 100 }, (_, i) => i * 10));
});
