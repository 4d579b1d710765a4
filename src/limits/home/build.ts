/** Puts the limits together again from what nodes know of their own doings and what the read models say of all others. */
import type { Facts, RequestFacts } from '../facts.js';
import { dayNumber } from '../period.js';
import { isParkedAnew } from '../pool.js';
import type { KeyHistory, LimitSettings, PoolToken, RestoredState, UserUsage } from '../port.js';
import { freshToken, isNewer, type LimitsState, type TokenEntry } from '../transfer.js';
import { HOUR_MS, MARGIN_MS } from '../window.js';
import type { NotedSend } from './sends.js';

export interface BuildSources {
  readonly facts: readonly { readonly runId: string; readonly facts: Facts }[];
  /** What runs sent that tell nothing any more, as they noted it beside. */
  readonly sends: readonly NotedSend[];
  /** Terminal event ids of the facts and sends that are in the archive; read in one view with `history`. */
  readonly archived: ReadonlySet<string>;
  readonly history: RestoredState;
  readonly pool: { readonly settings: LimitSettings; readonly tokens: readonly PoolToken[] };
  /** The database's clock, ms. */
  readonly now: number;
  readonly random: () => number;
}

type Token = TokenEntry & { told: number };

/**
 * What is archived is known from the read models, charge and sends alike; everything else from the run that did it.
 * So nothing counts twice and nothing is forgotten.
 */
export function buildState(sources: BuildSources): LimitsState {
  const { facts, archived, history, pool, now } = sources;
  const tokens = startTokens(sources);
  const quotas = createQuotaSums(history.users);
  const state: LimitsState = {
    ...{ at: { mono: now, wall: now }, settings: { ...pool.settings }, admissions: 0, position: 0 },
    ...{ tokens: [], attempts: [], requests: [], quotas: [], rates: [], providers: [] },
  };
  for (const { runId, facts: told } of facts) {
    for (const request of told.requests) {
      if (!archived.has(request.record.terminalEventId)) takeRequest(state, tokens, quotas, runId, request, now);
    }
    for (const { tokenId, fails, cooldownUntil, toldAt } of told.healths) {
      const token = tokens(tokenId);
      token.cooldownUntil = Math.max(token.cooldownUntil, cooldownUntil > now ? cooldownUntil : 0);
      // The latest word counts; a success after a failure forgets it.
      if (toldAt > token.told) Object.assign(token, { fails, told: toldAt });
    }
  }
  for (const send of sources.sends) if (!archived.has(send.terminalEventId)) takeSend(tokens(send.tokenId), Math.min(send.at, now));
  state.rates = ratesOf(
    facts.map((one) => one.facts),
    history.keys ?? [],
  );
  state.quotas = quotas.all();
  state.tokens = tokens.all().map((token) => finish(token, now));
  state.position = Math.max(0, ...pool.tokens.map(({ position }) => position));
  return state;
}

function takeRequest(
  state: LimitsState,
  tokens: ReturnType<typeof startTokens>,
  quotas: ReturnType<typeof createQuotaSums>,
  run: string,
  { record, quota, opener, begunAt, fate, left, attempts }: RequestFacts,
  now: number,
): void {
  if (fate === 'open') state.requests.push({ record, run, left, quota, opener, begunAt });
  if (fate === 'kept' && record.metered) quotas.add(record.userId, record.period);
  for (const { id, tokenId, provider, model, begunAt: begun, respondedAt, ended } of attempts) {
    const token = tokens(tokenId);
    if (respondedAt !== null && respondedAt > now - HOUR_MS - MARGIN_MS) token.sends.push(respondedAt);
    if (dayNumber(begun) === token.day) token.dayUsed += 1;
    token.lastUsedAt = Math.max(token.lastUsedAt ?? 0, begun);
    if (ended) continue;
    const rest = { epoch: 0, begunAt: begun, day: dayNumber(begun), respondedAt, served: false };
    state.attempts.push({ id, run, requestId: record.requestId, tokenId, provider, model, ...rest });
  }
}

/** Whose request it was is not known, so no quota: that is found in Redis when it returns, or by its event. */
function takeSend(token: Token, at: number): void {
  token.sends.push(at);
  if (dayNumber(at) === token.day) token.dayUsed += 1;
  token.lastUsedAt = Math.max(token.lastUsedAt ?? 0, at);
}

function startTokens({ history, pool, now, random }: BuildSources) {
  const known = new Map<string, Token>();
  const at = { mono: now, wall: now };
  for (const facts of pool.tokens) known.set(facts.id, { ...freshToken(facts.id, facts, random(), at), told: 0 });
  const get = (id: string): Token => {
    const found = known.get(id) ?? { ...freshToken(id, null, random(), at), told: 0 };
    known.set(id, found);
    return found;
  };
  for (const { tokenId, sends, results, consecutiveFails, cooldownUntil, lastUsedAt, dayUsed = 0 } of history.tokens) {
    const token = get(tokenId);
    const since = Math.min(now, lastUsedAt ?? now);
    token.sends = sends.map((sent) => Math.min(sent, now));
    token.results = results.slice(-100).map((ok) => (ok ? since + 1 : -(since + 1)));
    Object.assign(token, { fails: consecutiveFails, lastUsedAt, dayUsed, told: lastUsedAt ?? 0 });
    token.cooldownUntil = cooldownUntil !== null && cooldownUntil > now ? cooldownUntil : 0;
  }
  return Object.assign(get, { all: () => [...known.values()] });
}

function finish({ told: _told, ...token }: Token, now: number): TokenEntry {
  token.sends.sort((a, b) => a - b);
  return { ...token, halfOpen: token.halfOpen || token.fails >= 2 || token.cooldownUntil > now };
}

function createQuotaSums(users: readonly UserUsage[]) {
  const sums = new Map<string, { userId: string; period: string; kept: number; warned: boolean }>();
  const add = (userId: string, period: string, kept: number): void => {
    const key = `${userId}\n${period}`;
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { userId, period, kept, warned: false });
    else known.kept += kept;
  };
  for (const { userId, day, dayUsed, month, monthUsed } of users) {
    add(userId, day, dayUsed);
    add(userId, month, monthUsed);
  }
  return {
    add(userId: string, { day, month }: { day: string; month: string }): void {
      add(userId, day, 1);
      add(userId, month, 1);
    },
    all: () => [...sums.values()],
  };
}

/** Living runs tell what each of them let in, the archive also what dead ones did: of two words on the same requests the fuller one counts. */
function ratesOf(all: readonly Facts[], archived: readonly KeyHistory[]): LimitsState['rates'] {
  const keys = new Map<string, readonly number[]>();
  for (const { rates } of all) {
    for (const { keyId, times } of rates) keys.set(keyId, [...(keys.get(keyId) ?? []), ...times]);
  }
  for (const { keyId, times } of archived) if (times.length > (keys.get(keyId)?.length ?? 0)) keys.set(keyId, times);
  return [...keys].map(([keyId, times]) => ({ keyId, times: [...times].sort((a, b) => a - b) }));
}

/** The same state with what the directory says by now. */
export function withPool(state: LimitsState, pool: BuildSources['pool'], now: number, random: () => number): LimitsState {
  const tokens = new Map(state.tokens.map((token) => [token.id, token]));
  for (const facts of pool.tokens) {
    const known = tokens.get(facts.id);
    if (known === undefined) tokens.set(facts.id, freshToken(facts.id, facts, random(), { mono: now, wall: now }));
    else if (known.position <= facts.position) {
      const halfOpen = known.halfOpen || isParkedAnew(known.facts, facts);
      tokens.set(facts.id, { ...known, facts, position: facts.position, halfOpen });
    }
  }
  const settings = isNewer(pool.settings, state.settings) ? { ...pool.settings } : state.settings;
  return { ...state, settings, tokens: [...tokens.values()] };
}
