/** What sends taught about the routes of each credential: which one works, and which the upstream refused since one last worked. */
import { boundedMap } from './boundedMap.js';

export interface RouteMemory {
  /** Lower goes first: what worked last, then what is untried, then what was refused, longest ago first. */
  rank(credential: string, route: string): number;
  isRefused(credential: string, route: string): boolean;
  worked(credential: string, route: string): void;
  refused(credential: string, routes: readonly string[]): void;
}

interface Known {
  readonly worked: string | null;
  readonly refused: readonly string[];
}

const nothing: Known = { worked: null, refused: [] };

/** Remembers at most `max` credentials. */
export function createRouteMemory(max: number): RouteMemory {
  const known = boundedMap<Known>(max);
  const of = (credential: string): Known => known.get(credential) ?? nothing;
  return {
    rank(credential, route) {
      const { worked, refused } = of(credential);
      return route === worked ? 0 : 2 + refused.indexOf(route);
    },
    isRefused: (credential, route) => of(credential).refused.includes(route),
    worked(credential, route) {
      const { worked, refused } = of(credential);
      // Old refusals are forgotten: if this route goes, the others deserve another look.
      if (worked !== route || refused.length > 0) known.set(credential, { worked: route, refused: [] });
    },
    refused(credential, routes) {
      const { worked, refused } = of(credential);
      known.set(credential, {
        worked: worked !== null && routes.includes(worked) ? null : worked,
        refused: [...refused.filter((route) => !routes.includes(route)), ...routes],
      });
    },
  };
}
