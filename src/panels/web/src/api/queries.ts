/** Reading and writing from pages: one answer, a list in keyset pages, a write that makes what it touched read again. */
import { notifications } from '@mantine/notifications';
import {
  keepPreviousData,
  type UseMutationResult,
  type UseQueryResult,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useCallback } from 'react';
import { useErrorText } from '../i18n/errorText';
import type { Params } from './client';
import { useApi } from './context';
import type { ApiError } from './errors';

export interface GetOptions {
  readonly enabled?: boolean;
  /** Asks again so often, ms; for what no event tells. */
  readonly refetchInterval?: number | false;
}

/** One GET. Its key is `[path, params]`, which is what `useRefresh` and `refreshes` match. */
export function useGet<T>(path: string, params: Params = {}, options: GetOptions = {}): UseQueryResult<T, ApiError> {
  const api = useApi();
  return useQuery<T, ApiError>({
    queryKey: [path, params],
    queryFn: ({ signal }) => api.get<T>(path, params, signal),
    placeholderData: keepPreviousData,
    ...options,
  });
}

export interface ListPage<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface List<T> {
  readonly items: readonly T[];
  readonly isPending: boolean;
  readonly error: ApiError | null;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  loadMore(): void;
  refetch(): void;
}

/** A list that answers `{items, nextCursor}`; `loadMore` appends the next page. */
export function useList<T>(path: string, params: Params = {}, options: GetOptions = {}): List<T> {
  const api = useApi();
  const query = useInfiniteQuery<ListPage<T>, ApiError, { pages: ListPage<T>[] }, readonly unknown[], string | null>({
    queryKey: [path, params, 'list'],
    queryFn: ({ pageParam, signal }) => api.get<ListPage<T>>(path, { ...params, cursor: pageParam }, signal),
    initialPageParam: null,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: keepPreviousData,
    ...options,
  });
  return {
    items: query.data?.pages.flatMap((page) => page.items) ?? [],
    isPending: query.isPending,
    error: query.error,
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    loadMore: () => void query.fetchNextPage(),
    refetch: () => void query.refetch(),
  };
}

/** Makes every answer read again whose path begins with one of these. */
export function useRefresh(): (prefixes: readonly string[]) => void {
  const client = useQueryClient();
  return useCallback(
    (prefixes) =>
      void client.invalidateQueries({
        predicate: ({ queryKey: [path] }) => typeof path === 'string' && prefixes.some((prefix) => path.startsWith(prefix)),
      }),
    [client],
  );
}

export interface Write {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

export interface WriteOptions<T> {
  /** Path prefixes of what must be read again afterwards. */
  readonly refreshes?: readonly string[];
  /** Said in a notice on success. */
  readonly done?: string | ((answer: T) => string);
  /** The caller shows the error itself: no notice. */
  readonly quiet?: boolean;
}

/** A write: `const pause = useWrite(…); pause.mutate({method: 'POST', path})`. A failure becomes a notice unless `quiet`. */
export function useWrite<T = unknown>(options: WriteOptions<T> = {}): UseMutationResult<T, ApiError, Write> {
  const api = useApi();
  const refresh = useRefresh();
  const errorText = useErrorText();
  return useMutation<T, ApiError, Write>({
    mutationFn: ({ method, path, body }) => api.send<T>(method, path, body),
    onSuccess(answer) {
      const { done } = options;
      if (done !== undefined) notifications.show({ color: 'green', message: typeof done === 'string' ? done : done(answer) });
    },
    onError(error) {
      // Said by the frame of the pages, which begin anew.
      if (error.code === 'account_changed') return;
      if (!options.quiet) notifications.show({ color: 'red', message: errorText(error), autoClose: 8_000 });
    },
    onSettled: () => refresh(options.refreshes ?? []),
  });
}
