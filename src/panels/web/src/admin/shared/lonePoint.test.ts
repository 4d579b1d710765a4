/** Points between gaps. */
import { describe, expect, it } from 'vitest';
import { isLonePoint } from './lonePoint';

describe('a point of a line', () => {
  it('is alone between gaps, at the ends and as the only one', () => {
    const lone = (...values: (number | null)[]): number[] => {
      const points = values.map((value) => ({ at: 'x', count: value }));
      return points.flatMap((_, index) => (isLonePoint(points, 'count', index) ? [index] : []));
    };
    expect([lone(40), lone(null, 0, null), lone(1, null, 2, 3, null, 4), lone(null), lone(1, 2)]).toEqual([[0], [1], [0, 5], [], []]);
  });
});
