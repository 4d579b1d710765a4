import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHeap, createNode, heapMove, heapRemove, heapTop, startWalk, stepWalk } from './heap.js';

interface Item {
  readonly id: number;
  key: number;
}
const byId = (a: Item, b: Item): boolean => a.id < b.id;
const inOrder = (items: readonly Item[]): number[] => [...items].sort((a, b) => a.key - b.key || a.id - b.id).map((item) => item.id);

const moves = fc.array(fc.record({ which: fc.nat({ max: 19 }), key: fc.nat({ max: 9 }), to: fc.constantFrom(0, 1, null) }), {
  maxLength: 100,
});

describe('heap', () => {
  it('keeps its order through any moves between heaps, and a walk sees all of it, best first', () => {
    fc.assert(
      fc.property(moves, (list) => {
        const work = { comparisons: 0 };
        const heaps = [createHeap<Item>(byId, work), createHeap<Item>(byId, work)] as const;
        const nodes = Array.from({ length: 20 }, (_, id) => createNode<Item>({ id, key: 0 }));
        for (const { which, key, to } of list) {
          const node = nodes[which];
          if (node === undefined) continue;
          node.value.key = key;
          if (to === null) heapRemove(node);
          else heapMove(node, heaps[to], key);
        }
        const members = nodes.filter((node) => node.heap !== null).map((node) => node.value);
        for (const heap of heaps) expect(heapTop(heap)?.id).toBe(inOrder(heap.nodes.map((node) => node.value))[0]);
        const walk = startWalk(heaps);
        const seen: number[] = [];
        for (let item = stepWalk(walk); item !== undefined; item = stepWalk(walk)) seen.push(item.id);
        expect(seen).toEqual(inOrder(members));
      }),
    );
  });
});
