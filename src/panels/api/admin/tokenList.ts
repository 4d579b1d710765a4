/** The pool as a list that one can search: filters and orders over the directory, live figures only where they are asked for. */

import type { DirectoryToken } from '../../../projections/directory.js';
import { tokensAtWork, tokensByLastUse } from '../../../projections/tokenHealthQueries.js';
import type { PanelContext } from '../deps.js';
import { pageOfRanked, type RankKey } from '../ranking.js';
import { riskOf, standing } from '../tokens.js';

export const tokenSorts = ['newest', 'oldest', 'name', 'risk', 'lastUsed'] as const;
export type TokenSort = (typeof tokenSorts)[number];

/** More than any pool has: what is read stays bounded. */
const mostTokens = 200_000;

export interface TokenFilter {
  readonly q?: string | undefined;
  readonly provider?: string | undefined;
  readonly visibility?: 'public' | 'private' | undefined;
  readonly userId?: string | undefined;
  readonly status?: 'active' | 'cooling' | 'suspended' | 'invalid' | undefined;
  readonly statusReason?: 'failures' | 'upstream' | 'admin' | 'credits' | undefined;
  readonly highRisk?: boolean | undefined;
}

export interface TokenListQuery extends TokenFilter {
  readonly sort: TokenSort;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Throws `invalid_request` naming `cursor`. */
export async function listTokens(
  query: TokenListQuery,
  context: PanelContext,
): Promise<{ tokens: DirectoryToken[]; nextCursor: string | null }> {
  const found = [...context.directory.tokens()].filter(fits(query, context));
  const live = query.highRisk !== undefined || query.sort === 'risk' || query.status === 'active' || query.status === 'cooling';
  const work = live ? await workOf(context) : undefined;
  const wanted = work ? found.filter((token) => fitsLive(token, query, work)) : found;
  const { keyOf, descending, kind } = await orderOf(query.sort, work, context);
  const ranked = wanted.map((row) => ({ row, id: row.id, key: keyOf(row) }));
  const { rows, nextCursor } = pageOfRanked(ranked, { ...query, descending, kind });
  return { tokens: rows, nextCursor };
}

function fits(
  { q, provider, visibility, userId, status, statusReason }: TokenFilter,
  context: PanelContext,
): (token: DirectoryToken) => boolean {
  const text = q?.toLowerCase();
  const now = context.clock.now();
  return (token) => {
    if (provider !== undefined && token.provider !== provider) return false;
    if (visibility !== undefined && token.visibility !== visibility) return false;
    if (userId !== undefined && token.ownerId !== userId) return false;
    if (status !== undefined || statusReason !== undefined) {
      // Whether an active one cools is the limits' to say.
      const at = standing(token, null, now);
      if (status !== undefined && at.status !== (status === 'cooling' ? 'active' : status)) return false;
      if (statusReason !== undefined && at.statusReason !== statusReason) return false;
    }
    return text === undefined || mentions(token, text, context);
  };
}

function mentions(token: DirectoryToken, text: string, { directory }: PanelContext): boolean {
  const owner = token.ownerId === null ? undefined : directory.user(token.ownerId);
  return [token.id, token.name, token.region, owner?.username, owner?.email].some((one) => one?.toLowerCase().includes(text));
}

interface Work {
  readonly risk: ReadonlyMap<string, number>;
  readonly cooling: ReadonlySet<string>;
  readonly threshold: number;
}

/** Live figures of those tokens that can have any: the rest of a pool of 30,000 is at rest and needs no asking. */
async function workOf(context: PanelContext): Promise<Work> {
  const now = context.clock.now();
  const uses = await context.limits.tokenUse(await tokensAtWork(context.db, now));
  return {
    risk: new Map(uses.map((use) => [use.tokenId, riskOf(use, context)])),
    cooling: new Set(uses.filter((use) => use.cooldownUntil !== null && use.cooldownUntil > now).map((use) => use.tokenId)),
    threshold: context.riskThreshold,
  };
}

/** How many tokens in service have a live risk above the threshold, of those that were used by what the read models know. */
export async function countRisky(context: PanelContext): Promise<number> {
  const { risk, threshold } = await workOf(context);
  return [...risk].filter(([id, one]) => one > threshold && context.directory.token(id)?.status === 'active').length;
}

/** At most `count` tokens of the pool: those with a risk now, the riskiest first, then those used last. */
export async function riskiestTokens(count: number, context: PanelContext): Promise<string[]> {
  const { risk } = await workOf(context);
  const ranked = [...risk].filter(([, one]) => one > 0).sort(([, a], [, b]) => b - a);
  const ids = [...ranked.slice(0, count).map(([id]) => id), ...(await tokensByLastUse(context.db, count)).keys()];
  return [...new Set(ids)].filter((id) => context.directory.token(id) !== undefined).slice(0, count);
}

function fitsLive(token: DirectoryToken, { status, highRisk }: TokenFilter, { risk, cooling, threshold }: Work): boolean {
  if (status === 'cooling' && !cooling.has(token.id)) return false;
  if (status === 'active' && cooling.has(token.id)) return false;
  return highRisk === undefined || (risk.get(token.id) ?? 0) > threshold === highRisk;
}

interface Order {
  readonly keyOf: (token: DirectoryToken) => RankKey;
  readonly descending: boolean;
  readonly kind: 'number' | 'string';
}

async function orderOf(sort: TokenSort, work: Work | undefined, context: PanelContext): Promise<Order> {
  switch (sort) {
    case 'name':
      return { keyOf: (token) => (token.name ?? '').toLowerCase(), descending: false, kind: 'string' };
    case 'risk':
      return { keyOf: (token) => work?.risk.get(token.id) ?? 0, descending: true, kind: 'number' };
    case 'lastUsed': {
      const usedAt = await tokensByLastUse(context.db, mostTokens);
      return { keyOf: (token) => usedAt.get(token.id) ?? 0, descending: true, kind: 'number' };
    }
    default:
      return { keyOf: (token) => token.createdAt, descending: sort === 'newest', kind: 'number' };
  }
}
