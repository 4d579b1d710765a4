/**
 * The sends of one token as its upstream counts them: each from its admission until 60 s (3600 s) + 1 s after
 * response headers or failure. The upstream sees a call at some moment between the two, so whatever it has in
 * any 60 s was in this window when the last of them was admitted.
 */

export const MARGIN_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

export interface SendWindow {
  /** Admitted, no headers yet: these count without end. */
  unanswered: number;
  /** Times of headers or failure (monotonic ms), rising. Trimmed by time, never by count. */
  answered: number[];
  /** First entry that still counts for the hour, and for the minute. */
  hourHead: number;
  minuteHead: number;
}

export function createWindow(): SendWindow {
  return { unanswered: 0, answered: [], hourHead: 0, minuteHead: 0 };
}

/** Forgets what no longer counts at `now`. Amortised O(1) per send. */
export function trimWindow(window: SendWindow, now: number): void {
  const { answered } = window;
  const hour = now - HOUR_MS - MARGIN_MS;
  const minute = now - MINUTE_MS - MARGIN_MS;
  let head = window.hourHead;
  while (head < answered.length && (answered[head] ?? 0) <= hour) head += 1;
  let minuteHead = Math.max(window.minuteHead, head);
  while (minuteHead < answered.length && (answered[minuteHead] ?? 0) <= minute) minuteHead += 1;
  if (head > 32 && head * 2 > answered.length) {
    answered.splice(0, head);
    minuteHead -= head;
    head = 0;
  }
  window.hourHead = head;
  window.minuteHead = minuteHead;
}

/** Sends in the minute window. Trim first. */
export const minuteCount = (window: SendWindow): number => window.unanswered + window.answered.length - window.minuteHead;
/** Sends in the hour window. Trim first. */
export const hourCount = (window: SendWindow): number => window.unanswered + window.answered.length - window.hourHead;

/** Turns one unanswered send into an answered one. */
export function answerSend(window: SendWindow, now: number): void {
  window.unanswered -= 1;
  window.answered.push(now);
}

/** Adds sends of an earlier run, in any order. */
export function addAnswered(window: SendWindow, times: readonly number[], now: number): void {
  window.answered = [...window.answered.slice(window.hourHead), ...times.map((at) => Math.min(at, now))].sort((a, b) => a - b);
  window.hourHead = 0;
  window.minuteHead = 0;
  trimWindow(window, now);
}

/** Takes sends out again, each once. */
export function removeAnswered(window: SendWindow, times: readonly number[], now: number): void {
  const left = window.answered.slice(window.hourHead);
  for (const at of times) {
    const index = left.lastIndexOf(at);
    if (index >= 0) left.splice(index, 1);
  }
  window.answered = left;
  window.hourHead = 0;
  window.minuteHead = 0;
  trimWindow(window, now);
}

/**
 * When the minute window has room for one more send: `now` when it has it already. Where sends without headers
 * are in the way the moment is not known; the answer is then the earliest possible one. Trim first.
 */
export const minuteFreeAt = (window: SendWindow, limit: number, now: number): number =>
  freeAt(window, window.minuteHead, limit, MINUTE_MS + MARGIN_MS, now);
/** The same for the hour window. */
export const hourFreeAt = (window: SendWindow, limit: number, now: number): number =>
  freeAt(window, window.hourHead, limit, HOUR_MS + MARGIN_MS, now);

function freeAt(window: SendWindow, head: number, limit: number, length: number, now: number): number {
  const excess = window.unanswered + window.answered.length - head - limit;
  if (excess < 0) return now;
  const last = window.answered[head + excess];
  return (last ?? now) + length;
}
