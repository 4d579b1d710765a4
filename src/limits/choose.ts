/** Which token serves: caps and cooling, then rotation, then own before public, then affinity, then score. Spec R12. */
import { type Group, ownPool, PUBLIC_POOL, sizeOf } from './groups.js';
import { type Heap, heapTop, startWalk, stepWalk, type Walk } from './heap.js';
import type { Pool } from './pool.js';
import type { AdmitRequest, Decision, LimitSettings, Refusal, RefusedBecause } from './port.js';
import { gateWaitMs, type ProviderState } from './providers.js';
import type { Now, TokenState } from './token.js';

const CANDIDATES = 8;
/** Wait to suggest where only a running call is in the way, and where nothing tells when a token will be usable. */
const BUSY_RETRY_MS = 1_000;
const NO_TOKEN_RETRY_MS = 60_000;
const LONGEST_RETRY_MS = 3_600_000;

type Candidate = Decision['candidates'][number];
type PoolRefusal = Exclude<Refusal, { code: 'quota_exceeded' | 'key_rate_limited' }>;

export interface Chosen {
  readonly ok: true;
  readonly token: TokenState;
  readonly provider: string;
  readonly model: string;
  readonly decision: Decision;
}

export interface ChooseDeps {
  readonly pool: Pool;
  readonly provider: (name: string) => ProviderState;
  readonly settings: () => LimitSettings;
  /** Token that the request's conversation is bound to, if any. */
  readonly bound: (request: AdmitRequest, now: Now) => string | undefined;
}

/** Changes nothing but what time alone has changed (waiters that became free). */
export function choose(request: AdmitRequest, now: Now, deps: ChooseDeps): Chosen | PoolRefusal {
  return request.onlyTokenId === null ? chooseFromPool(request, now, deps) : chooseOnly(request, request.onlyTokenId, now, deps);
}

// ---- one named token ----

function chooseOnly(request: AdmitRequest, id: string, now: Now, deps: ChooseDeps): Chosen | PoolRefusal {
  const token = deps.pool.get(id);
  if (token?.facts == null) return { ok: false, code: 'no_token_available', retryAfterMs: NO_TOKEN_RETRY_MS, decision: noDecision(0) };
  deps.pool.touch(token, now);
  const target = request.targets.find((one) => one.provider === token.facts?.provider);
  const gateMs = gateWaitMs(deps.provider(token.facts.provider), now.mono);
  const refused =
    strangerBlock(token, request) ?? (servesOne(token, target?.model) ? null : 'model') ?? token.because ?? (gateMs > 0 ? 'breaker' : null);
  const candidates = [{ tokenId: id, score: rounded(token.score), refused }];
  if (refused === null && target !== undefined) {
    const decision: Decision = { candidates, considered: 1, chosen: id, reason: token.halfOpen ? 'probe' : 'only' };
    return { ok: true, token, provider: target.provider, model: target.model, decision };
  }
  const decision: Decision = { candidates, considered: 1, chosen: null, reason: null };
  if (refused === 'breaker') return { ok: false, code: 'upstream_overloaded', retryAfterMs: gateMs, decision };
  if (token.because !== refused || token.status === 'out')
    return { ok: false, code: 'no_token_available', retryAfterMs: NO_TOKEN_RETRY_MS, decision };
  if (token.status === 'busy') return { ok: false, code: 'pool_exhausted', retryAfterMs: BUSY_RETRY_MS, decision };
  const wait = token.freeAt - now.mono;
  if (token.status === 'parked') return { ok: false, code: 'no_token_available', retryAfterMs: Math.min(wait, LONGEST_RETRY_MS), decision };
  return { ok: false, code: 'pool_exhausted', retryAfterMs: wait, decision };
}

/** A private token is its owner's, and in self-use mode so is every pooled one. */
function strangerBlock(token: TokenState, request: AdmitRequest): RefusedBecause | null {
  const { facts } = token;
  if (facts === null || facts.visibility === 'external' || facts.ownerId === request.userId) return null;
  return facts.visibility === 'private' || request.ownOnly ? 'private' : null;
}

function servesOne(token: TokenState, model: string | undefined): boolean {
  if (model === undefined || token.unsupported.has(model)) return false;
  return token.facts?.models == null || token.facts.models.includes(model);
}

// ---- the pool ----

interface Tier {
  readonly name: 'own' | 'public';
  readonly groups: readonly Group[];
}

function chooseFromPool(request: AdmitRequest, now: Now, deps: ChooseDeps): Chosen | PoolRefusal {
  deps.pool.refresh(now);
  const open = request.targets.filter((target) => gateWaitMs(deps.provider(target.provider), now.mono) === 0);
  const tiers = tiersOf(request, open, deps);
  for (const tier of tiers) deps.pool.promote(tier.groups, now);
  const named: Candidate[] = [];
  const found = pick(request, tiers, named, now, deps);
  const considered = consideredIn(tiers);
  if (found === null) return refusal(request, { open, tiers, named, considered }, now, deps);
  const { token, tier, reason } = found;
  nameChosen(named, token);
  fill(named, tier.groups, request.exclude, found.walk);
  const provider = token.facts?.provider ?? '';
  const probing = token.halfOpen || deps.provider(provider).gate !== null;
  const decision: Decision = { candidates: named, considered, chosen: token.id, reason: probing ? 'probe' : reason };
  const model = open.find((target) => target.provider === provider)?.model ?? '';
  return { ok: true, token, provider, model, decision };
}

function tiersOf(request: AdmitRequest, targets: AdmitRequest['targets'], deps: ChooseDeps): Tier[] {
  const own: Group[] = [];
  const open: Group[] = [];
  for (const { provider, model } of targets) {
    deps.pool.addServing(own, ownPool(request.userId), provider, model);
    if (!request.ownOnly) deps.pool.addServing(open, PUBLIC_POOL, provider, model);
  }
  if (open.length === 0) return [{ name: 'own', groups: own }];
  const last: Tier = { name: 'public', groups: open };
  return own.length === 0 ? [last] : [{ name: 'own', groups: own }, last];
}

interface Found {
  readonly token: TokenState;
  readonly tier: Tier;
  readonly reason: 'own' | 'affinity' | 'score';
  /** The walk that came by it; the next steps are the next best. */
  readonly walk: Walk<TokenState>;
}

/** First without the tokens whose turn is over; these serve only where nothing else can. Names those passed over. */
function pick(request: AdmitRequest, tiers: readonly Tier[], named: Candidate[], now: Now, deps: ChooseDeps): Found | null {
  let resting: Found | null = null;
  const bound = deps.bound(request, now);
  const kept = bound === undefined ? undefined : deps.pool.get(bound);
  for (const tier of tiers) {
    const walk = startWalk(tier.groups.map((group) => group.heaps.ready));
    if (kept !== undefined && isReadyIn(kept, tier) && !isExcluded(kept, tier, request) && !isTurnOver(kept, deps)) {
      return { token: kept, tier, reason: 'affinity', walk };
    }
    const reason = tier.name === 'own' ? 'own' : 'score';
    for (let token = stepWalk(walk); token !== undefined; token = stepWalk(walk)) {
      if (isExcluded(token, tier, request)) {
        if (request.exclude.includes(token.id)) name(named, token, 'tried');
      } else if (isTurnOver(token, deps)) resting ??= { token, tier, reason, walk };
      else {
        if (resting !== null) name(named, resting.token, 'rotation');
        return { token, tier, reason, walk };
      }
    }
  }
  return resting;
}

function isReadyIn(token: TokenState, tier: Tier): boolean {
  return token.status === 'ready' && token.seats.some((seat) => tier.groups.includes(seat.group));
}

/** Tried in this request; among the public ones also the caller's own, which had their chance before. */
function isExcluded(token: TokenState, tier: Tier, request: AdmitRequest): boolean {
  return request.exclude.includes(token.id) || (tier.name === 'public' && token.facts?.ownerId === request.userId);
}

function isTurnOver(token: TokenState, deps: ChooseDeps): boolean {
  const state = deps.provider(token.facts?.provider ?? '');
  return state.lastTokenId === token.id && state.consecutiveUses >= deps.settings().tokenMaxConsecutiveUses;
}

// ---- refusals ----

interface Nothing {
  readonly open: AdmitRequest['targets'];
  readonly tiers: readonly Tier[];
  readonly named: Candidate[];
  readonly considered: number;
}

function refusal(request: AdmitRequest, nothing: Nothing, now: Now, deps: ChooseDeps): PoolRefusal {
  const groups = nothing.tiers.flatMap((tier) => tier.groups);
  fill(nothing.named, groups, request.exclude, startWalk(groups.map((group) => group.heaps.ready)));
  const limitedMs = limitedWait(groups, now);
  const closedGroups: Group[] = [];
  let closedMs: number | null = null;
  for (const target of request.targets) {
    if (nothing.open.includes(target)) continue;
    const behind = tiersOf(request, [target], deps).flatMap((tier) => tier.groups);
    closedGroups.push(...behind);
    if (behind.some(hasUsable))
      closedMs = Math.min(closedMs ?? Number.POSITIVE_INFINITY, gateWaitMs(deps.provider(target.provider), now.mono));
  }
  for (const group of closedGroups) nameSome(nothing.named, group.heaps.ready, 'breaker');
  if (groups.length + closedGroups.length === 0) nameLacking(nothing.named, request, deps);
  const decision: Decision = { candidates: nothing.named, considered: nothing.considered, chosen: null, reason: null };
  if (limitedMs !== null) return { ok: false, code: 'pool_exhausted', retryAfterMs: Math.min(limitedMs, closedMs ?? limitedMs), decision };
  if (closedMs !== null) return { ok: false, code: 'upstream_overloaded', retryAfterMs: closedMs, decision };
  return { ok: false, code: 'no_token_available', retryAfterMs: parkedWait([...groups, ...closedGroups], now), decision };
}

/** ms until the first of the tokens that only a limit holds back; null: there are none. */
function limitedWait(groups: readonly Group[], now: Now): number | null {
  let wait: number | null = null;
  for (const { heaps } of groups) {
    if (heaps.busy.nodes.length + heaps.ready.nodes.length > 0) wait = Math.min(wait ?? BUSY_RETRY_MS, BUSY_RETRY_MS);
    const first = heapTop(heaps.waiting);
    if (first !== undefined) wait = Math.min(wait ?? Number.POSITIVE_INFINITY, Math.max(0, first.freeAt - now.mono));
  }
  return wait;
}

function parkedWait(groups: readonly Group[], now: Now): number {
  const first = groups.map((group) => heapTop(group.heaps.parked)?.freeAt ?? Number.POSITIVE_INFINITY);
  const wait = Math.min(...first) - now.mono;
  return Number.isFinite(wait) ? Math.min(Math.max(0, wait), LONGEST_RETRY_MS) : NO_TOKEN_RETRY_MS;
}

const hasUsable = ({ heaps }: Group): boolean => heaps.ready.nodes.length + heaps.waiting.nodes.length + heaps.busy.nodes.length > 0;

// ---- the record ----

/** Tokens that would be usable, were it not for the model; only a few of the groups are looked at. */
function nameLacking(named: Candidate[], request: AdmitRequest, deps: ChooseDeps): void {
  const lacking: Group[] = [];
  for (const { provider, model } of request.targets) {
    deps.pool.addLacking(lacking, ownPool(request.userId), provider, model);
    if (!request.ownOnly) deps.pool.addLacking(lacking, PUBLIC_POOL, provider, model);
  }
  for (const { heaps } of lacking.slice(0, CANDIDATES)) {
    for (const heap of [heaps.ready, heaps.busy, heaps.waiting]) nameSome(named, heap, 'model');
  }
}

/** Adds a token to the record, unless it is there or the record is full. */
function name(named: Candidate[], token: TokenState, refused: RefusedBecause | null): void {
  if (named.length >= CANDIDATES) return;
  for (const one of named) if (one.tokenId === token.id) return;
  named.push({ tokenId: token.id, score: rounded(token.score), refused });
}

/** The chosen one gets its place even where many were passed over. */
function nameChosen(named: Candidate[], token: TokenState): void {
  if (named.length >= CANDIDATES) named.pop();
  name(named, token, null);
}

/** Adds the next best, then some that a limit holds back, until eight are named; looks at hardly more than it names. */
function fill(named: Candidate[], groups: readonly Group[], exclude: readonly string[], walk: Walk<TokenState>): void {
  for (let steps = 0; steps < CANDIDATES && named.length < CANDIDATES; steps += 1) {
    const token = stepWalk(walk);
    if (token === undefined) break;
    name(named, token, exclude.includes(token.id) ? 'tried' : null);
  }
  for (const { heaps } of groups) {
    nameSome(named, heaps.busy);
    nameSome(named, heaps.waiting);
    nameSome(named, heaps.parked);
    nameSome(named, heaps.out);
  }
}

function nameSome(named: Candidate[], heap: Heap<TokenState>, refused: RefusedBecause | null = null): void {
  for (let i = 0; i < CANDIDATES && named.length < CANDIDATES; i += 1) {
    const token = heap.nodes[i]?.value;
    if (token === undefined) return;
    name(named, token, refused ?? token.because);
  }
}

const rounded = (score: number): number => Math.round(score * 10_000) / 10_000;

/** Tokens in the pools that were asked; own public ones count once. */
function consideredIn(tiers: readonly Tier[]): number {
  let sum = 0;
  for (const tier of tiers) for (const group of tier.groups) sum += sizeOf(group) - (tiers.length > 1 ? group.shared : 0);
  return sum;
}

const noDecision = (considered: number): Decision => ({ candidates: [], considered, chosen: null, reason: null });
