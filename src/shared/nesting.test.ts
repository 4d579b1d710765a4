/** Depth of JSON, as text and as a value. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isDeeper, isTextDeeper } from './nesting.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('nesting', () => {
  test('counts brackets within each other, not beside each other or in strings', () => {
    for (const [json, depth] of [
      ['1', 0],
      ['[{},[],[[]]]', 3],
      ['{"a":{"b":[]}}', 3],
      ['["[[[[", "\\"[[[", "\\\\"]', 1],
      ['{"[[[\\\\\\"[[":"{"}', 1],
      [nested(64), 64],
    ] as const) {
      expect([isTextDeeper(json, depth), isDeeper(JSON.parse(json), depth)], json).toEqual([false, false]);
      if (depth > 0) expect([isTextDeeper(json, depth - 1), isDeeper(JSON.parse(json), depth - 1)], json).toEqual([true, true]);
    }
  });

  test('takes texts and values of any depth', () => {
    expect(isTextDeeper(nested(100_000), 64)).toBe(true);
    expect(isDeeper(JSON.parse(nested(100_000)), 64)).toBe(true);
  });

  test('says the same of a value and of its text', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(6), (value, most) => {
        const json = JSON.stringify(value);
        expect(isTextDeeper(json, most)).toBe(isDeeper(JSON.parse(json), most));
      }),
    );
  });
});
