/** A binary heap whose nodes know their place, so that any of them can be moved or taken out in O(log n). */

export interface HeapNode<T> {
  readonly value: T;
  /** The heap it is in, or null. */
  heap: Heap<T> | null;
  index: number;
}

/** Counts comparisons, for the tests that prove the work does not grow with the pool. */
export interface HeapWork {
  comparisons: number;
}

export interface Heap<T> {
  readonly nodes: HeapNode<T>[];
  /** Does `a` come before `b`? */
  readonly before: (a: T, b: T) => boolean;
  readonly work: HeapWork;
}

export function createHeap<T>(before: (a: T, b: T) => boolean, work: HeapWork): Heap<T> {
  return { nodes: [], before, work };
}

export function createNode<T>(value: T): HeapNode<T> {
  return { value, heap: null, index: -1 };
}

export function heapTop<T>(heap: Heap<T>): T | undefined {
  return heap.nodes[0]?.value;
}

/** Puts the node into `heap` at its place, wherever it was before; null takes it out. Call again after its order changed. */
export function heapMove<T>(node: HeapNode<T>, heap: Heap<T> | null): void {
  if (node.heap !== heap) {
    if (node.heap !== null) takeOut(node.heap, node);
    if (heap === null) return;
    node.heap = heap;
    node.index = heap.nodes.length;
    heap.nodes.push(node);
    siftUp(heap, node);
  } else if (heap !== null) {
    siftUp(heap, node);
    siftDown(heap, node);
  }
}

function takeOut<T>(heap: Heap<T>, node: HeapNode<T>): void {
  const last = heap.nodes.pop();
  if (last !== undefined && last !== node) {
    last.index = node.index;
    heap.nodes[node.index] = last;
    siftUp(heap, last);
    siftDown(heap, last);
  }
  node.heap = null;
  node.index = -1;
}

function siftUp<T>(heap: Heap<T>, node: HeapNode<T>): void {
  const { nodes, before, work } = heap;
  while (node.index > 0) {
    const parent = nodes[(node.index - 1) >> 1];
    work.comparisons += 1;
    if (parent === undefined || !before(node.value, parent.value)) return;
    swap(nodes, node, parent);
  }
}

function siftDown<T>(heap: Heap<T>, node: HeapNode<T>): void {
  const { nodes, before, work } = heap;
  for (;;) {
    const left = nodes[node.index * 2 + 1];
    if (left === undefined) return;
    const right = nodes[node.index * 2 + 2];
    work.comparisons += 2;
    const child = right !== undefined && before(right.value, left.value) ? right : left;
    if (!before(child.value, node.value)) return;
    swap(nodes, child, node);
  }
}

/** `up` takes the place of `down` and the other way round. */
function swap<T>(nodes: HeapNode<T>[], up: HeapNode<T>, down: HeapNode<T>): void {
  const place = up.index;
  up.index = down.index;
  down.index = place;
  nodes[up.index] = up;
  nodes[down.index] = down;
}

/**
 * Walks the nodes of several heaps of one order, best first, without taking any out: each step costs
 * O(nodes seen + heaps). Undefined when all were seen. The heaps must not change meanwhile.
 */
export function createWalk<T>(heaps: readonly Heap<T>[]): () => T | undefined {
  const open: HeapNode<T>[] = [];
  for (const heap of heaps) {
    const top = heap.nodes[0];
    if (top !== undefined) open.push(top);
  }
  return () => {
    let best = open[0];
    if (best === undefined) return undefined;
    let at = 0;
    for (let i = 1; i < open.length; i += 1) {
      const node = open[i];
      if (node?.heap == null) continue;
      node.heap.work.comparisons += 1;
      if (node.heap.before(node.value, best.value)) {
        best = node;
        at = i;
      }
    }
    const left = best.heap?.nodes[best.index * 2 + 1];
    const right = best.heap?.nodes[best.index * 2 + 2];
    if (left !== undefined) open[at] = left;
    else {
      const last = open.pop();
      if (last !== undefined && at < open.length) open[at] = last;
    }
    if (right !== undefined) open.push(right);
    return best.value;
  };
}
