/** How one may sign in at this site, and whether one may sign up. */
import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { useApi } from '../api/context';
import { ApiError } from '../api/errors';

export interface SignInWays {
  readonly providers: readonly { readonly id: string; readonly name: string; readonly startPath: string }[];
  readonly registration: boolean;
  readonly selfUse: boolean;
  readonly requireApproval: boolean;
}

/** What a node says that knows no providers. */
const plain: SignInWays = { providers: [], registration: true, selfUse: false, requireApproval: false };

export function useSignInWays(): UseQueryResult<SignInWays, ApiError> {
  const api = useApi();
  return useQuery<SignInWays, ApiError>({
    queryKey: ['/auth/providers'],
    staleTime: 60_000,
    async queryFn({ signal }) {
      try {
        return await api.get<SignInWays>('/auth/providers', {}, signal);
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return plain;
        throw error;
      }
    },
  });
}
