/** Follows a member's own events and reads again what they change. */
import type { FeedState } from '../api/eventFeed';
import { useLive, useSoon } from '../api/live';
import { useRefresh } from '../api/queries';

/** Requests that ended. */
export const requestEvents = [
  'kirogate.token.used',
  'kirogate.request.failed',
  'kirogate.request.cancelled',
  'kirogate.request.abandoned',
  'kirogate.request.refused',
] as const;

/** A token's life, as far as its owner is told. */
export const tokenEvents = [
  'kirogate.token.donated',
  'kirogate.token.suspended',
  'kirogate.token.resumed',
  'kirogate.token.invalidated',
  'kirogate.token.checked',
  'kirogate.token.cooled-down',
  'kirogate.token.visibility-changed',
  'kirogate.token.limits-changed',
  'kirogate.token.removed',
] as const;

/** A burst of events is one look at the API each second at most. */
export function useMemberLive(types: readonly string[], refreshes: readonly string[]): FeedState {
  const refresh = useRefresh();
  const soon = useSoon(() => refresh(refreshes), 1_000);
  return useLive('/user/api/events/stream', types, soon);
}
