/** Merges sequences that are each in order. */

/** The first `limit` of all, by `order`. */
export function earliest<T extends { readonly order: number }>(sources: readonly Iterator<T>[], limit: number): T[] {
  const heads = sources.flatMap((iterator) => {
    const { value, done } = iterator.next();
    return done ? [] : [{ iterator, item: value }];
  });
  const taken: T[] = [];
  while (taken.length < limit) {
    let first = heads[0];
    if (first === undefined) break;
    for (const head of heads) if (head.item.order < first.item.order) first = head;
    taken.push(first.item);
    const { value, done } = first.iterator.next();
    if (done) heads.splice(heads.indexOf(first), 1);
    else first.item = value;
  }
  return taken;
}
