/** Who is signed in, as a member or as the admin; null where nobody is. */
import { type UseQueryResult, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { useT } from '../i18n';
import { type Audience, sessionPaths } from './client';
import { useApi } from './context';
import { ApiError } from './errors';
import { useWrite } from './queries';

export interface MemberSession {
  readonly user: {
    readonly id: string;
    readonly username: string;
    readonly email: string | null;
    readonly status: 'active' | 'pending' | 'banned';
    readonly createdAt: string;
  };
  readonly csrfToken: string;
}
export interface AdminSession {
  readonly actor: string;
  readonly csrfToken: string | null;
}
interface Sessions {
  readonly member: MemberSession;
  readonly admin: AdminSession;
}

const notSession = ({ queryKey }: { readonly queryKey: readonly unknown[] }): boolean => queryKey[0] !== 'session';

/**
 * Keeps the CSRF token where the client finds it. A 401 is no error but `null`. Of an account that another one took the place of,
 * nothing that was read is kept.
 */
export function useSession<A extends Audience>(audience: A): UseQueryResult<Sessions[A] | null, ApiError> {
  const api = useApi();
  const client = useQueryClient();
  return useQuery<Sessions[A] | null, ApiError>({
    queryKey: ['session', audience],
    staleTime: 60_000,
    // Another tab may have signed somebody else in.
    refetchOnWindowFocus: 'always',
    async queryFn({ signal }) {
      if (!api.mayBeSignedIn(audience)) return null;
      try {
        const session = await api.get<Sessions[A]>(sessionPaths[audience], {}, signal);
        if (api.keepSession(audience, session)) client.removeQueries({ predicate: notSession });
        return session;
      } catch (error) {
        if (!(error instanceof ApiError) || (error.status !== 401 && error.code !== 'forbidden')) throw error;
        api.setCsrf(audience, null);
        return null;
      }
    },
  });
}

const signOutPaths: Readonly<Record<Audience, string>> = { member: '/auth/logout', admin: '/admin/logout' };

/** Ends the session of this browser and forgets everything that was read in it. */
export function useSignOut(audience: Audience): () => Promise<void> {
  const api = useApi();
  const client = useQueryClient();
  return useCallback(async () => {
    await api.send('POST', signOutPaths[audience]).catch((error: unknown) => {
      // Already out.
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
    });
    api.setCsrf(audience, null);
    client.removeQueries({ predicate: notSession });
    client.setQueryData(['session', audience], null);
  }, [api, audience, client]);
}

/** Ends all admin sessions but this browser's, which goes on under a new cookie. */
export function useEndAdminSessions(): () => void {
  const t = useT();
  const api = useApi();
  const end = useWrite<{ csrfToken: string | null }>({ done: t('common:auth.othersEnded') });
  return () =>
    end.mutate({ method: 'POST', path: '/admin/api/sessions/revoke' }, { onSuccess: ({ csrfToken }) => api.setCsrf('admin', csrfToken) });
}
