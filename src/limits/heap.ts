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

/** Smallest key first. Keys stand beside the nodes, so that a sift through 10,000 tokens touches one array and not 26 objects. */
export interface Heap<T> {
  readonly nodes: HeapNode<T>[];
  readonly keys: number[];
  /** Order among equal keys. */
  readonly tie: (a: T, b: T) => boolean;
  readonly work: HeapWork;
}

export function createHeap<T>(tie: (a: T, b: T) => boolean, work: HeapWork): Heap<T> {
  return { nodes: [], keys: [], tie, work };
}

export function createNode<T>(value: T): HeapNode<T> {
  return { value, heap: null, index: -1 };
}

export function heapTop<T>(heap: Heap<T>): T | undefined {
  return heap.nodes[0]?.value;
}

/** Puts the node into `heap` under `key`, wherever it was before. Call again when its key or its order among equals changed. */
export function heapMove<T>(node: HeapNode<T>, heap: Heap<T>, key: number): void {
  if (node.heap !== heap) {
    heapRemove(node);
    node.heap = heap;
    node.index = heap.nodes.length;
    heap.nodes.push(node);
    heap.keys.push(key);
  }
  settleAt(heap, node, key, node.index);
}

/** Takes the node out of its heap, if it is in one. */
export function heapRemove<T>(node: HeapNode<T>): void {
  const { heap, index } = node;
  if (heap === null) return;
  const last = heap.nodes.pop();
  const key = heap.keys.pop();
  if (last !== undefined && key !== undefined && last !== node) settleAt(heap, last, key, index);
  node.heap = null;
  node.index = -1;
}

/** Finds the place of `node`, from `index` on, up or down. */
function settleAt<T>(heap: Heap<T>, node: HeapNode<T>, key: number, index: number): void {
  const up = siftUp(heap, node, key, index);
  const place = up === index ? siftDown(heap, node, key, index) : up;
  heap.nodes[place] = node;
  heap.keys[place] = key;
  node.index = place;
}

function siftUp<T>(heap: Heap<T>, node: HeapNode<T>, key: number, from: number): number {
  let index = from;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap.nodes[parent];
    if (above === undefined || !isBefore(heap, key, node, heap.keys[parent], above)) break;
    place(heap, above, parent, index);
    index = parent;
  }
  return index;
}

function siftDown<T>(heap: Heap<T>, node: HeapNode<T>, key: number, from: number): number {
  let index = from;
  for (;;) {
    let child = index * 2 + 1;
    let below = heap.nodes[child];
    if (below === undefined) return index;
    const right = heap.nodes[child + 1];
    if (right !== undefined && isBefore(heap, heap.keys[child + 1], right, heap.keys[child], below)) {
      child += 1;
      below = right;
    }
    if (!isBefore(heap, heap.keys[child], below, key, node)) return index;
    place(heap, below, child, index);
    index = child;
  }
}

function place<T>(heap: Heap<T>, node: HeapNode<T>, from: number, to: number): void {
  heap.nodes[to] = node;
  heap.keys[to] = heap.keys[from] ?? 0;
  node.index = to;
}

function isBefore<T>(heap: Heap<T>, aKey: number | undefined, a: HeapNode<T>, bKey: number | undefined, b: HeapNode<T>): boolean {
  heap.work.comparisons += 1;
  return aKey === bKey ? heap.tie(a.value, b.value) : (aKey ?? 0) < (bKey ?? 0);
}

/** Walks the nodes of several heaps of one order, best first, without taking any out. The heaps must not change meanwhile. */
export interface Walk<T> {
  readonly open: HeapNode<T>[];
}

export function startWalk<T>(heaps: readonly Heap<T>[]): Walk<T> {
  const open: HeapNode<T>[] = [];
  for (const heap of heaps) if (heap.nodes[0] !== undefined) open.push(heap.nodes[0]);
  return { open };
}

/** The next one; undefined when all were seen. Each step costs O(steps so far + heaps). */
export function stepWalk<T>({ open }: Walk<T>): T | undefined {
  let best = open[0];
  if (best === undefined) return undefined;
  let at = 0;
  for (let i = 1; i < open.length; i += 1) {
    const node = open[i];
    if (node?.heap != null && isBefore(node.heap, node.heap.keys[node.index], node, best.heap?.keys[best.index], best)) {
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
}
