/** Answers kept for a while by id, so that a repeated call changes nothing and hears the same. */

const KEPT_MS = 60_000;
const KEPT = 20_000;

export interface Answers<T> {
  get(id: string, now: number): T | undefined;
  put(id: string, answer: T, now: number): void;
  forget(id: string): void;
}

/** Kept for 60 s, and no more than 20,000 of them: the oldest go first. */
export function createAnswers<T>(): Answers<T> {
  const kept = new Map<string, { answer: T; at: number }>();
  return {
    get(id, now) {
      const found = kept.get(id);
      return found !== undefined && found.at + KEPT_MS > now ? found.answer : undefined;
    },
    put(id, answer, now) {
      kept.delete(id);
      kept.set(id, { answer, at: now });
      for (const [oldest, { at }] of kept) {
        if (at + KEPT_MS > now && kept.size <= KEPT) return;
        kept.delete(oldest);
      }
    },
    forget(id) {
      kept.delete(id);
    },
  };
}
