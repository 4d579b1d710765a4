/** Deadlines that a process which stood still does not miss: what came in the meantime is heard before the time is up. */

/** Calls `late` after `ms`, once the event loop has read what has come. Answers how to call it off. */
export function deadline(ms: number, late: () => void): () => void {
  let reading: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    reading = setImmediate(late);
  }, ms).unref();
  return () => {
    clearTimeout(timer);
    clearImmediate(reading);
  };
}

/** Aborted with a `TimeoutError` after `ms`, like `AbortSignal.timeout`. */
export function deadlineSignal(ms: number): AbortSignal {
  const controller = new AbortController();
  deadline(ms, () => controller.abort(new DOMException('The time is up.', 'TimeoutError')));
  return controller.signal;
}
