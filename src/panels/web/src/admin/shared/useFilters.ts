/** Filters of a page, kept in its address: a link shows the same list, and the back button works. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';

export interface Filters<N extends string> {
  /** '' where a filter is not set. */
  readonly values: Readonly<Record<N, string>>;
  readonly set: (patch: Partial<Record<N, string>>) => void;
  readonly clear: () => void;
  /** Is any of them set? */
  readonly active: boolean;
}

/** `names` must stay the same from render to render. */
export function useFilters<N extends string>(names: readonly N[]): Filters<N> {
  const search = useSearch({ strict: false }) as Readonly<Record<string, unknown>>;
  const navigate = useNavigate();
  const change = useCallback(
    (patch: Readonly<Record<string, string | undefined>>) =>
      void navigate({
        to: '.',
        replace: true,
        resetScroll: false,
        search: ((before: Record<string, unknown>) => withoutEmpty({ ...before, ...patch })) as never,
      }),
    [navigate],
  );
  return useMemo(() => {
    const values = Object.fromEntries(names.map((name) => [name, textOf(search[name])])) as Record<N, string>;
    return {
      values,
      set: change,
      clear: () => change(Object.fromEntries(names.map((name) => [name, '']))),
      active: names.some((name) => values[name] !== ''),
    };
  }, [names, search, change]);
}

/** The router reads `?status=429` as a number. */
function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

function withoutEmpty(search: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== '' && value !== undefined));
}
