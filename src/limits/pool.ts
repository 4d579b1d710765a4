/** All tokens, each in the right heap of each of its groups; moves them as they change and as time passes. */
import { createGroups, type Group, keyOf } from './groups.js';
import { createHeap, createNode, type Heap, type HeapWork, heapMove, heapRemove, heapTop } from './heap.js';
import type { LimitSettings, PoolToken } from './port.js';
import { FRESH_AFTER_MS } from './score.js';
import { createSweep } from './sweep.js';
import { assess, changeHealth, createToken, isForgettable, type Now, type TokenState } from './token.js';
import { HOUR_MS, hourCount, MARGIN_MS, MINUTE_MS } from './window.js';

/** Scores of idle tokens brought up to date by one admission; each admission causes three at most on average. */
const REFRESHES = 16;
/** Waiters looked at by one admission before it is content with a ready token. */
const PROMOTIONS = 64;
/** How long a token is taken not to serve a model that its upstream refused, and for how many models that is kept. */
const UNSUPPORTED_MS = HOUR_MS;
const UNSUPPORTED_KEPT = 16;

export interface Pool {
  get(id: string): TokenState | undefined;
  /** The state of a token, made when unknown (a restore or an open record may come before the token itself); `tie`: of an earlier home. */
  at(id: string, now: Now, tie?: number): TokenState;
  /** All states, those outside the pool included. */
  all(): Iterable<TokenState>;
  put(facts: PoolToken, now: Now): void;
  remove(id: string, position: number, now: Now): void;
  /** Something about the token changed: new score, new place. */
  touch(token: TokenState, now: Now): void;
  /** The same for all, after a change of settings. */
  touchAll(now: Now): void;
  addServing(found: Group[], pool: string, provider: string, model: string): void;
  /** Those that do not serve it. */
  addLacking(found: Group[], pool: string, provider: string, model: string): void;
  /** Brings some idle tokens' scores up to date. May change groups: ask for them afterwards. */
  refresh(now: Now): void;
  /** Moves what has become free meanwhile, in these groups. */
  promote(groups: readonly Group[], now: Now): void;
  /** Remembers for an hour that the token does not serve the model. */
  markUnsupported(token: TokenState, model: string, now: Now): void;
  /** Takes over from another home until when it does not serve which models. */
  lacks(token: TokenState, models: ReadonlyMap<string, number>, now: Now): void;
  /** Learns of a control position. */
  hear(position: number): void;
  /** Highest control position heard of. */
  position(): number;
  /** Active pooled tokens of a provider. */
  activeTokens(provider: string): number;
  /** Forgets a few states that no longer matter. */
  sweep(now: Now): void;
}

export interface PoolDeps {
  readonly settings: () => LimitSettings;
  readonly random: () => number;
  readonly work: HeapWork;
}

export function createPool(deps: PoolDeps): Pool {
  const tokens = new Map<string, TokenState>();
  const groups = createGroups(deps.work);
  const refreshes = createHeap<TokenState>((a, b) => a.tie < b.tie, deps.work);
  const active = new Map<string, number>();
  let newest = 0;

  const at = (id: string, now: Now, tie?: number): TokenState => {
    const known = tokens.get(id);
    if (known !== undefined) return known;
    const token = createToken(id, tie ?? deps.random());
    token.keepUntil = now.mono + HOUR_MS;
    tokens.set(id, token);
    return token;
  };

  const place = (token: TokenState, now: Now): void => {
    assess(token, deps.settings(), now);
    const key = keyOf(token);
    for (const seat of token.seats) heapMove(seat, seat.group.heaps[token.status], key);
    if (token.refresh === null) scheduleRefresh(token, now);
  };

  /** A refresh that is due later stays: touching a token must not cost another heap move. */
  const scheduleRefresh = (token: TokenState, now: Now): void => {
    const next = token.seats.length > 0 ? nextRefresh(token, now.mono) : null;
    if (next === null) return;
    token.refresh = createNode(token);
    heapMove(token.refresh, refreshes, next);
  };

  const cancelRefresh = (token: TokenState): void => {
    if (token.refresh === null) return;
    heapRemove(token.refresh);
    token.refresh = null;
  };

  /** Gives the token its seats anew; `change` is what makes them differ. */
  const reseat = (token: TokenState, now: Now, change: () => void): void => {
    countActive(active, token, -1);
    change();
    countActive(active, token, 1);
    groups.reseat(token);
    place(token, now);
  };

  const forgetUnsupported = (token: TokenState, now: Now): void => {
    const still = stillUnsupported(token, now);
    if (still.size < token.unsupported.size) reseat(token, now, () => (token.unsupported = still));
  };

  const promoteFrom = (heap: Heap<TokenState>, group: Group, now: Now): void => {
    let moved = 0;
    for (let top = heapTop(heap); top !== undefined && top.freeAt <= now.mono; top = heapTop(heap)) {
      if (moved >= PROMOTIONS && group.heaps.ready.nodes.length > 0) break;
      place(top, now);
      moved += 1;
    }
  };

  const promote = (group: Group, now: Now): void => {
    promoteFrom(group.heaps.waiting, group, now);
    promoteFrom(group.heaps.parked, group, now);
  };

  const sweep = createSweep(tokens, (token: TokenState, now) => {
    if (!isForgettable(token, now)) return false;
    cancelRefresh(token);
    return true;
  });

  return {
    get: (id) => tokens.get(id),
    at,
    all: () => tokens.values(),
    touch: place,
    touchAll(now) {
      for (const token of tokens.values()) place(token, now);
    },
    put(facts, now) {
      newest = Math.max(newest, facts.position);
      const token = at(facts.id, now);
      if (facts.position < token.position) return;
      const wasOut = token.facts !== null && token.facts.status !== 'active';
      token.position = facts.position;
      if (wasOut && facts.status === 'active') changeHealth(token, { fails: 0, cooldownUntil: 0, halfOpen: false });
      if (isParkedAnew(token.facts, facts)) changeHealth(token, { halfOpen: true });
      // Resumed from it: what went wrong before is forgotten, that credits are back is still to be seen.
      if (token.facts?.parkedUntil != null && facts.parkedUntil === null) {
        changeHealth(token, { fails: 0, cooldownUntil: 0, halfOpen: true });
      }
      if (token.facts !== null && sameSeats(token.facts, facts)) {
        countActive(active, token, -1);
        token.facts = facts;
        countActive(active, token, 1);
        place(token, now);
      } else reseat(token, now, () => (token.facts = facts));
    },
    remove(id, position, now) {
      newest = Math.max(newest, position);
      const token = at(id, now);
      if (position < token.position) return;
      token.position = position;
      token.keepUntil = now.mono + HOUR_MS;
      reseat(token, now, () => (token.facts = null));
    },
    addServing: groups.addServing,
    addLacking: groups.addLacking,
    refresh(now) {
      for (let done = 0; done < REFRESHES; done += 1) {
        const due = heapTop(refreshes);
        if (due === undefined || (refreshes.keys[0] ?? 0) > now.mono) break;
        cancelRefresh(due);
        if (due.unsupported.size > 0) forgetUnsupported(due, now);
        place(due, now);
      }
    },
    promote(consulted, now) {
      for (const group of consulted) promote(group, now);
    },
    markUnsupported(token, model, now) {
      // What is over counts as forgotten, also where nobody has looked since: copies look at different times, and must agree.
      const still = stillUnsupported(token, now);
      if (token.facts === null || still.has(model) || still.size >= UNSUPPORTED_KEPT) return;
      cancelRefresh(token);
      reseat(token, now, () => (token.unsupported = still.set(model, now.mono + UNSUPPORTED_MS)));
    },
    lacks: (token, models, now) => reseat(token, now, () => (token.unsupported = models)),
    hear(position) {
      newest = Math.max(newest, position);
    },
    position: () => newest,
    activeTokens: (provider) => active.get(provider) ?? 0,
    sweep: (now) => sweep(now.mono),
  };
}

function countActive(active: Map<string, number>, token: TokenState, by: 1 | -1): void {
  const { facts } = token;
  if (facts === null || facts.status !== 'active' || facts.visibility === 'external') return;
  const count = (active.get(facts.provider) ?? 0) + by;
  if (count > 0) active.set(facts.provider, count);
  else active.delete(facts.provider);
}

/** Out of credits, until a moment that is news: when it comes, one request at a time until one shows that they are back. */
export function isParkedAnew(known: PoolToken | null, next: PoolToken): boolean {
  return next.parkedUntil !== null && next.parkedUntil !== known?.parkedUntil;
}

function stillUnsupported(token: TokenState, now: Now): Map<string, number> {
  return new Map([...token.unsupported].filter(([, until]) => until > now.mono));
}

function sameSeats(a: PoolToken, b: PoolToken): boolean {
  return (
    a.ownerId === b.ownerId &&
    a.visibility === b.visibility &&
    a.provider === b.provider &&
    (a.models === b.models || JSON.stringify(a.models) === JSON.stringify(b.models))
  );
}

/** When time alone will have changed the score enough: soon after a use, then at ever longer steps; null: nothing is left to change. */
function nextRefresh(token: TokenState, mono: number): number | null {
  const idle = token.lastUsedAt === null ? Number.POSITIVE_INFINITY : mono - token.lastUsedAt;
  const settled = idle >= FRESH_AFTER_MS && hourCount(token.window) === 0 && token.results.failures === 0 && token.unsupported.size === 0;
  if (settled) return null;
  const first = MINUTE_MS + MARGIN_MS;
  const next = mono + Math.min(HOUR_MS, Math.max(first, idle));
  return Math.min(next, ...token.unsupported.values());
}
