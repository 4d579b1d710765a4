/** Follows a member's own events and reads again what they change. */
import type { FeedState } from '../api/eventFeed';
import { useLive, useSoon } from '../api/live';
import { useRefresh } from '../api/queries';

/** What the stream tells of; `account` is the member's own state and quotas. */
export type MemberNews = 'request' | 'token' | 'key' | 'quota' | 'account' | 'notification' | 'announcement';

/** A burst of events is one look at the API each second at most. */
export function useMemberLive(news: readonly MemberNews[], refreshes: readonly string[]): FeedState {
  const refresh = useRefresh();
  const soon = useSoon(() => refresh(refreshes), 1_000);
  return useLive('/user/api/events/stream', news, soon, { all: true });
}
