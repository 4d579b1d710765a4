/** One server-sent event stream that survives lost connections and hidden tabs; resumes behind the last event it saw. */

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
}

/** The browser reconnects by itself after a cut; after an HTTP error it gives up, and then we do. */
const firstRetryMs = 2_000;
const longestRetryMs = 30_000;

/** Starts at once; `close` ends it for good. `pause` and `resume` follow the tab: a hidden one holds no connection. */
export function createEventFeed(options: FeedOptions): { close(): void; pause(): void; resume(): void } {
  let source: EventSource | null = null;
  let lastId = '';
  let wasOpen = false;
  let retryMs = firstRetryMs;
  let cancelRetry = (): void => undefined;

  function connect(): void {
    if (source) return;
    const query = new URLSearchParams({ ...(options.all ? {} : { types: options.types.join(',') }), after: lastId || 'now' });
    const opened = options.open(`${options.url}?${query}`);
    source = opened;
    opened.onopen = () => {
      retryMs = firstRetryMs;
      options.onState('open');
      // What happened between the page's own look and this moment was told to nobody.
      options.onBack();
      wasOpen = true;
    };
    opened.onerror = () => {
      // A stream that never opened (an older node, no rights) is no loss to speak of.
      options.onState(wasOpen ? 'lost' : 'connecting');
      if (opened.readyState !== opened.CLOSED) return;
      disconnect();
      options.onRefused();
      cancelRetry = options.later(retryMs, connect);
      retryMs = Math.min(longestRetryMs, retryMs * 2);
    };
    for (const type of options.types) {
      opened.addEventListener(type, (message: MessageEvent<string>) => {
        lastId = message.lastEventId || lastId;
        options.onEvent({ type, id: message.lastEventId, data: parse(message.data) });
      });
    }
  }

  function disconnect(): void {
    cancelRetry();
    source?.close();
    source = null;
  }

  connect();
  return {
    close: disconnect,
    pause: disconnect,
    resume: connect,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
