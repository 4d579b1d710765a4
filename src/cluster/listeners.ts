/** Who wants to hear of something; each registration is undone by what it answers. */

export interface Listeners<T> {
  add(listener: (value: T) => void): () => void;
  tell(value: T): void;
}

export function createListeners<T>(): Listeners<T> {
  const known = new Set<(value: T) => void>();
  return {
    add(listener) {
      known.add(listener);
      return () => void known.delete(listener);
    },
    tell(value) {
      for (const listener of [...known]) listener(value);
    },
  };
}
