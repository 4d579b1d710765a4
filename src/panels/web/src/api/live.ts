/** Live events in a page, with the state of the connection to show. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { createEventFeed, type FeedEvent, type FeedState } from './eventFeed';

/**
 * Follows `url` for the given event types while the page is shown; `all`: the stream cannot be asked for less than everything.
 * Once connected, also after a loss, all that was read is read again.
 * Answers the state, for `<LiveBadge state={…} />`. Events come in bursts: give `useRefresh` a rest with `useSoon`.
 */
export function useLive(
  url: string,
  types: readonly string[],
  onEvent: (event: FeedEvent) => void,
  { all = false }: { readonly all?: boolean } = {},
): FeedState {
  const client = useQueryClient();
  const [state, setState] = useState<FeedState>('connecting');
  const handler = useRef(onEvent);
  useEffect(() => {
    handler.current = onEvent;
  });
  const wanted = types.join(',');

  useEffect(() => {
    const feed = createEventFeed({
      url,
      types: wanted.split(','),
      all,
      onEvent: (event) => handler.current(event),
      onState: setState,
      onBack: () => void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' }),
      onRefused: () => void client.invalidateQueries({ queryKey: ['session'] }),
      open: (address) => new EventSource(address),
      now: () => performance.now(),
      later(ms, run) {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
    });
    const onVisibility = (): void => (document.hidden ? feed.pause() : feed.resume());
    document.addEventListener('visibilitychange', onVisibility);
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      feed.close();
    };
  }, [url, wanted, all, client]);

  return state;
}

/** Runs `act` once for all calls within `ms`: a hundred events are one look at the API. */
export function useSoon(act: () => void, ms = 500): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const latest = useRef(act);
  useEffect(() => {
    latest.current = act;
  });
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
    },
    [],
  );
  return () => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      latest.current();
    }, ms);
  };
}
