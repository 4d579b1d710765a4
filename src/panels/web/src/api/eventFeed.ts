/** One server-sent event stream that survives lost and silent connections and hidden tabs; resumes behind the last event it saw. */

export type FeedState = 'connecting' | 'open' | 'lost';

export interface FeedEvent {
  /** As sent, for example `kirogate.token.used`. */
  readonly type: string;
  readonly id: string;
  readonly data: unknown;
}

export interface FeedOptions {
  readonly url: string;
  /** Names of the events that are listened for; also what the stream is asked to send. */
  readonly types: readonly string[];
  /** The stream sends all it has and takes no choice. */
  readonly all?: boolean;
  onEvent(event: FeedEvent): void;
  onState(state: FeedState): void;
  /** Connected, for the first time or again: what was read before may be old. */
  onBack(): void;
  /** Answered, but not by a stream: perhaps nobody is signed in any more. It is tried again all the same. */
  onRefused(): void;
  /** Injected for tests. */
  readonly open: (url: string) => EventSource;
  readonly later: (ms: number, run: () => void) => () => void;
  /** Milliseconds that only ever grow. */
  readonly now: () => number;
}

/** What the node sends every 15 s to a page that asks for it, and two and a half times that: then nobody speaks any more. */
const keepAlive = 'keep-alive';
const longestSilenceMs = 37_500;

/** The browser reconnects by itself after a cut; after an HTTP error it gives up, and then we do. */
const firstRetryMs = 2_000;
const longestRetryMs = 30_000;

/** Starts at once; `close` ends it for good. `pause` and `resume` follow the tab: a hidden one holds no connection. */
export function createEventFeed(options: FeedOptions): { close(): void; pause(): void; resume(): void } {
  let source: EventSource | null = null;
  let lastId = '';
  let wasOpen = false;
  let retryMs = firstRetryMs;
  let heardAt = 0;
  let cancelRetry = (): void => undefined;
  let cancelWatch = (): void => undefined;

  function connect(): void {
    if (source) return;
    const opened = options.open(addressOf(options, lastId));
    source = opened;
    heardAt = options.now();
    watch(longestSilenceMs);
    opened.onopen = () => {
      heardAt = options.now();
      retryMs = firstRetryMs;
      options.onState('open');
      // What happened between the page's own look and this moment was told to nobody.
      options.onBack();
      wasOpen = true;
    };
    opened.onerror = () => {
      heardAt = options.now();
      // A stream that never opened (an older node, no rights) is no loss to speak of.
      options.onState(wasOpen ? 'lost' : 'connecting');
      if (opened.readyState !== opened.CLOSED) return;
      disconnect();
      options.onRefused();
      cancelRetry = options.later(retryMs, connect);
      retryMs = Math.min(longestRetryMs, retryMs * 2);
    };
    for (const type of [...options.types, keepAlive]) {
      opened.addEventListener(type, (message: MessageEvent<string>) => {
        heardAt = options.now();
        lastId = message.lastEventId || lastId;
        if (type !== keepAlive) options.onEvent({ type, id: message.lastEventId, data: parse(message.data) });
      });
    }
  }

  /** A connection whose other end froze or vanished fails nowhere: it is only silent, from the first moment on perhaps. */
  function watch(ms: number): void {
    cancelWatch = options.later(ms, () => {
      const left = heardAt + longestSilenceMs - options.now();
      if (left > 0) {
        watch(left);
        return;
      }
      options.onState('lost');
      disconnect();
      connect();
    });
  }

  function disconnect(): void {
    cancelRetry();
    cancelWatch();
    source?.close();
    source = null;
  }

  connect();
  return {
    close: disconnect,
    pause: disconnect,
    resume() {
      // Nothing is live until it has connected again.
      if (!source) options.onState('connecting');
      connect();
    },
  };
}

function addressOf({ url, types, all }: FeedOptions, lastId: string): string {
  const wanted = all ? {} : { types: types.join(',') };
  return `${url}?${new URLSearchParams({ ...wanted, after: lastId || 'now', keepAlive: 'event' })}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
