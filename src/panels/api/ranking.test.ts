import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageOfRanked, type Ranked, readPlace, writePlace } from './ranking.js';

const rows = (keys: readonly number[]): Ranked<string>[] => keys.map((key, index) => ({ row: `r${index}`, key, id: `r${index}` }));

describe('pages over ranked rows', () => {
  it('show every row once, in order, whatever the page size and however many are equal', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), fc.boolean(), (keys, limit, descending) => {
        const all = rows(keys);
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = pageOfRanked(all, { limit, descending, kind: 'number', cursor });
          seen.push(...page.rows);
          cursor = page.nextCursor ?? undefined;
        } while (cursor !== undefined);
        expect(seen.length).toBe(new Set(seen).size);
        expect([...seen].sort()).toEqual(all.map(({ row }) => row).sort());
        const inOrder = seen.map((id) => keys[Number(id.slice(1))] ?? 0);
        expect(inOrder).toEqual([...inOrder].sort((a, b) => (descending ? b - a : a - b)));
      }),
    );
  });

  it('go on behind a row that is gone', () => {
    const first = pageOfRanked(rows([1, 2, 3, 4]), { limit: 2, descending: false, kind: 'number' });
    const left = rows([1, 2, 3, 4]).filter(({ id }) => id !== 'r1');
    expect(pageOfRanked(left, { limit: 2, descending: false, kind: 'number', cursor: first.nextCursor ?? '' }).rows).toEqual(['r2', 'r3']);
  });

  it('refuse a cursor that is none, or of another order', () => {
    for (const cursor of ['', 'zzz', '!!!', Buffer.from('[1]').toString('base64url'), Buffer.from('{"a":1}').toString('base64url')]) {
      expect(() => readPlace(cursor, 'number')).toThrow('cursor');
    }
    expect(() => readPlace(writePlace('a', 'x'), 'number')).toThrow('cursor');
    expect(readPlace(writePlace(3.5, 'x'), 'number')).toEqual([3.5, 'x']);
  });
});
