/** Finds the first stop sequence in a text that arrives in pieces, holding back only what may become one. */

export interface StopMatcher {
  /** Text that may go on. After a match (`matched` is set) it is what stood before the sequence. */
  push(piece: string): string;
  /** The sequence that was met; null: none so far. */
  readonly matched: string | null;
  /** Gives back what was held: something else than text follows, or nothing. */
  flush(): string;
}

/**
 * The sequence that is complete first wins, and of those the longest, so that the answer does not depend on
 * how the text was cut into pieces. `stops` must not hold empty strings.
 */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  let held = '';
  let matched: string | null = null;

  function firstMatch(text: string): { stop: string; start: number } | null {
    let best: { stop: string; start: number } | null = null;
    for (const stop of stops) {
      const start = text.indexOf(stop);
      if (start < 0) continue;
      const lead = best === null ? -1 : start + stop.length - (best.start + best.stop.length);
      if (lead < 0 || (best !== null && lead === 0 && start < best.start)) best = { stop, start };
    }
    return best;
  }

  /** Where the longest tail begins that is the head of a sequence; the text's length when there is none. */
  function tailStart(text: string): number {
    let earliest = text.length;
    for (const stop of stops) {
      const head = stop.charAt(0);
      let start = text.indexOf(head, Math.max(0, text.length - stop.length + 1));
      while (start >= 0 && start < earliest) {
        if (stop.startsWith(text.slice(start))) earliest = start;
        else start = text.indexOf(head, start + 1);
      }
    }
    return earliest;
  }

  return {
    get matched() {
      return matched;
    },
    push(piece) {
      const text = held === '' ? piece : held + piece;
      const match = firstMatch(text);
      if (match !== null) {
        held = '';
        matched = match.stop;
        return text.slice(0, match.start);
      }
      const end = tailStart(text);
      if (end === text.length) {
        held = '';
        return text;
      }
      held = text.slice(end);
      return text.slice(0, end);
    },
    flush() {
      const text = held;
      held = '';
      return text;
    },
  };
}
