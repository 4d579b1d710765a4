/**
 * Who may use which tokens for which model. A pool is one owner's tokens or the public ones; in it a token that
 * names its models sits in one group for each of them, all others sit together, apart from those that turned out
 * to lack some models. So a request looks at a handful of groups whatever the pool's size.
 */
import { createHeap, createNode, type Heap, type HeapNode, type HeapWork, heapRemove } from './heap.js';
import type { TokenState, TokenStatus } from './token.js';

/** Groups of tokens that lack some models, at most so many for a pool and provider; beyond that a lack is not remembered. */
const LEARNED_GROUPS = 64;
/** A token that names more models than this serves the first ones only. */
const MODELS_PER_TOKEN = 256;

export interface Group {
  readonly heaps: Readonly<Record<TokenStatus, Heap<TokenState>>>;
  /** Models that its tokens lack. */
  readonly lacks: readonly string[];
  /** In an owner's pool: how many of its tokens are public as well. */
  shared: number;
}

/** A token's place in one group. */
export interface Seat extends HeapNode<TokenState> {
  readonly group: Group;
  /** In its owner's pool, while it is public as well. */
  readonly shared: boolean;
  /** Forgets the group if nobody is left in it. */
  readonly leave: () => void;
}

interface ProviderGroups {
  /** Tokens that serve every model but those in the key. */
  readonly open: Map<string, Group>;
  /** Tokens that name their models. */
  readonly byModel: Map<string, Group>;
}

export interface Groups {
  /** Adds the groups of one pool that serve this model to `found`. */
  addServing(found: Group[], pool: string, provider: string, model: string): void;
  /** Adds the groups of one pool that do not serve this model, for telling why nobody does. */
  addLacking(found: Group[], pool: string, provider: string, model: string): void;
  /** Takes the token out of its groups and gives it seats by what is known of it now; they are in no heap yet. */
  reseat(token: TokenState): void;
}

export const PUBLIC_POOL = 'public';
export const ownPool = (userId: string): string => `user/${userId}`;

export function createGroups(work: HeapWork): Groups {
  const pools = new Map<string, Map<string, ProviderGroups>>();

  const providerGroups = (pool: string, provider: string): ProviderGroups => {
    const providers = pools.get(pool) ?? new Map<string, ProviderGroups>();
    pools.set(pool, providers);
    const groups = providers.get(provider) ?? { open: new Map(), byModel: new Map() };
    providers.set(provider, groups);
    return groups;
  };

  const dropIfEmpty = (pool: string, provider: string): void => {
    const providers = pools.get(pool);
    const groups = providers?.get(provider);
    if (groups !== undefined && groups.open.size + groups.byModel.size === 0) providers?.delete(provider);
    if (providers?.size === 0) pools.delete(pool);
  };

  const seatsIn = (pool: string, token: TokenState): Seat[] => {
    const { facts } = token;
    if (facts === null || facts.models?.length === 0) return [];
    const { provider } = facts;
    const groups = providerGroups(pool, provider);
    const shared = pool !== PUBLIC_POOL && facts.visibility === 'public';
    const seat = (within: Map<string, Group>, key: string, lacks: readonly string[]): Seat => {
      const group = within.get(key) ?? createGroup(lacks, work);
      within.set(key, group);
      if (shared) group.shared += 1;
      const leave = (): void => {
        if (sizeOf(group) === 0 && within.get(key) === group) within.delete(key);
        dropIfEmpty(pool, provider);
      };
      return { ...createNode(token), group, shared, leave };
    };
    if (facts.models !== null) return namedModels(token).map((model) => seat(groups.byModel, model, []));
    const lacks = [...token.unsupported.keys()].sort();
    const key = lacks.join('\n');
    return [groups.open.has(key) || groups.open.size < LEARNED_GROUPS ? seat(groups.open, key, lacks) : seat(groups.open, '', [])];
  };

  return {
    addServing(found, pool, provider, model) {
      const groups = pools.get(pool)?.get(provider);
      if (groups === undefined) return;
      const named = groups.byModel.get(model);
      if (named !== undefined) found.push(named);
      for (const group of groups.open.values()) if (!group.lacks.includes(model)) found.push(group);
    },
    addLacking(found, pool, provider, model) {
      const groups = pools.get(pool)?.get(provider);
      if (groups === undefined) return;
      for (const [named, group] of groups.byModel) if (named !== model) found.push(group);
      for (const group of groups.open.values()) if (group.lacks.includes(model)) found.push(group);
    },
    reseat(token) {
      for (const seat of token.seats) {
        heapRemove(seat);
        if (seat.shared) seat.group.shared -= 1;
        seat.leave();
      }
      token.seats = poolsOf(token).flatMap((pool) => seatsIn(pool, token));
    },
  };
}

/** The pools a token is in: its owner's, and the public one where it is public. A caller's own token is in none. */
function poolsOf(token: TokenState): string[] {
  const { facts } = token;
  if (facts === null || facts.visibility === 'external') return [];
  const pools = facts.ownerId === null ? [] : [ownPool(facts.ownerId)];
  if (facts.visibility === 'public') pools.push(PUBLIC_POOL);
  return pools;
}

function namedModels(token: TokenState): string[] {
  const models = (token.facts?.models ?? []).slice(0, MODELS_PER_TOKEN);
  return [...new Set(models)].filter((model) => !token.unsupported.has(model));
}

export function sizeOf({ heaps }: Group): number {
  return (
    heaps.ready.nodes.length + heaps.waiting.nodes.length + heaps.parked.nodes.length + heaps.busy.nodes.length + heaps.out.nodes.length
  );
}

function createGroup(lacks: readonly string[], work: HeapWork): Group {
  const heap = (): Heap<TokenState> => createHeap(longerUnused, work);
  return { lacks, shared: 0, heaps: { ready: heap(), waiting: heap(), parked: heap(), busy: heap(), out: heap() } };
}

/** What a heap of this status is ordered by: the moment of release, or else the score, best first. */
export function keyOf(token: TokenState): number {
  return token.status === 'waiting' || token.status === 'parked' ? token.freeAt : -token.score;
}

/** Among equals the longest unused, then a fixed random order. */
function longerUnused(a: TokenState, b: TokenState): boolean {
  return a.lastSeq === b.lastSeq ? a.tie < b.tie : a.lastSeq < b.lastSeq;
}
