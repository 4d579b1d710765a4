/** How answers of the API are kept and tried again. */
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/errors';

/** A 401 anywhere makes the session be looked up, and that leads to the sign-in page; likewise where somebody else is signed in now. */
export function createQueries(): QueryClient {
  const lookUpSession = (error: unknown): void => {
    if (error instanceof ApiError && (error.code === 'unauthenticated' || error.code === 'account_changed')) {
      void client.invalidateQueries({ queryKey: ['session'] });
    }
  };
  const client = new QueryClient({
    queryCache: new QueryCache({ onError: lookUpSession }),
    mutationCache: new MutationCache({ onError: lookUpSession }),
    defaultOptions: {
      // Without a connection a write fails at once: kept for later, it would be sent long after its dialog was closed.
      mutations: { networkMode: 'always' },
      queries: {
        networkMode: 'always',
        refetchOnReconnect: true,
        // A page shows what it knows at once, and asks again whenever it is opened.
        staleTime: 0,
        gcTime: 300_000,
        retry: (failures, error) => failures < 2 && worthAnotherTry(error),
        refetchOnWindowFocus: true,
      },
    },
  });
  return client;
}

/** What is refused stays refused; a node that stops or a lost connection is worth another try. Who waited in vain is told at once. */
function worthAnotherTry(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  const late = error.cause instanceof DOMException && error.cause.name === 'TimeoutError';
  return (error.status === 0 && !late) || error.status >= 502;
}
