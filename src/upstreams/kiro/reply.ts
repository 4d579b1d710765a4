/** One HTTP reply as undici hands it over, without the streams and signals around it: they were a tenth of a request. */
import type { Dispatcher } from 'undici';

export interface ReplyHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface Reply {
  readonly handler: Dispatcher.DispatchHandler;
  /** Rejects when there will be none. */
  readonly head: Promise<ReplyHead>;
  /** All chunks that are here, waiting for the first; null at the end. For one reader at a time. */
  read(): Promise<readonly Buffer[] | null>;
  /** Ends the call, and its socket at once; nothing once the reply is whole. */
  abort(why: string): void;
}

/** The socket rests while so many bytes wait for their reader. */
const MOST_WAITING_BYTES = 64 * 1024;

export function createReply(): Reply {
  let begin: (head: ReplyHead) => void = () => undefined;
  let refuse: (cause: Error) => void = () => undefined;
  const head = new Promise<ReplyHead>((resolve, reject) => {
    begin = resolve;
    refuse = reject;
  });
  let controller: Dispatcher.DispatchController | null = null;
  let chunks: Buffer[] = [];
  let waiting = 0;
  let whole = false;
  let error: Error | null = null;
  let wake: (() => void) | null = null;

  function tell(): void {
    wake?.();
    wake = null;
  }

  function fail(cause: Error): void {
    if (whole || error !== null) return;
    error = cause;
    refuse(cause);
    tell();
  }

  function take(): readonly Buffer[] {
    const taken = chunks;
    chunks = [];
    waiting = 0;
    if (controller?.paused) controller.resume();
    return taken;
  }

  return {
    head,
    handler: {
      onRequestStart(started) {
        controller = started;
        if (error !== null) started.abort(error);
      },
      onResponseStart(_, status, headers) {
        // Interim answers (1xx) come before the real one.
        if (status >= 200) begin({ status, headers: flatten(headers) });
      },
      onResponseData(from, chunk) {
        if (error !== null) return;
        chunks.push(chunk);
        waiting += chunk.length;
        if (waiting >= MOST_WAITING_BYTES) from.pause();
        tell();
      },
      onResponseEnd() {
        whole = true;
        tell();
      },
      onResponseError: (_, cause) => fail(cause),
    },
    async read() {
      while (chunks.length === 0 && error === null && !whole) await new Promise<void>((resolve) => (wake = resolve));
      if (chunks.length > 0) return take();
      if (error !== null) throw error;
      return null;
    },
    abort(why) {
      if (whole) return;
      const cause = new Error(why);
      fail(cause);
      chunks = [];
      controller?.abort(cause);
    },
  };
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Readonly<Record<string, string | undefined>> {
  const flat: Record<string, string | undefined> = {};
  for (const name in headers) {
    const value = headers[name];
    flat[name] = Array.isArray(value) ? value[0] : value;
  }
  return flat;
}
