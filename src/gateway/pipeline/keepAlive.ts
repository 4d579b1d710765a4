/** One ticker for all streams: whoever was silent too long writes a keep-alive. A timer per stream would cost more than the stream. */

export interface KeepAlives {
  /** `beat` is called after at most `periodMs` of silence. Returns what `touch`es and what ends it. */
  add(beat: () => void): { touch(): void; end(): void };
  close(): void;
}

/** Silence never lasts longer than `periodMs`: looked at every third of it, beaten after two thirds. */
export function createKeepAlives(periodMs: number, monotonic: () => number): KeepAlives {
  const entries = new Set<{ last: number; beat: () => void }>();
  const timer = setInterval(() => {
    const now = monotonic();
    for (const entry of entries) {
      if (now - entry.last < (periodMs * 2) / 3) continue;
      entry.last = now;
      entry.beat();
    }
  }, periodMs / 3);
  timer.unref();
  return {
    add(beat) {
      const entry = { last: monotonic(), beat };
      entries.add(entry);
      return {
        touch: () => {
          entry.last = monotonic();
        },
        end: () => void entries.delete(entry),
      };
    },
    close: () => clearInterval(timer),
  };
}
