/**
 * What all tokens of one upstream share: the breaker and the back-off that close it for a while, whose fault a row of
 * failures is, and whose turn it is.
 */
import { capacityBackOffMs } from './cooling.js';

/** Failed attempts in a row, over so many tokens, that open the breaker (contract §3). */
const BREAKER_FAILURES = 20;
const SHARED_BY = 3;
const PROBE_EVERY_MS = 5_000;
/** Failures remembered while too few tokens share them to open the breaker. */
const ROW_KEPT = 64;

export interface RowEntry {
  readonly tokenId: string;
  /** The token's epoch when the attempt began. */
  readonly epoch: number;
  readonly at: number;
  /** Already counted against its token. */
  readonly counted: boolean;
}

export interface Gate {
  readonly kind: 'breaker' | 'capacity';
  /** An upstream that worked after this moment has recovered. */
  readonly since: number;
  /** The next probe may go at this moment, then one every `every` ms. */
  until: number;
  readonly every: number;
}

export interface ProviderState {
  gate: Gate | null;
  /** Failures since the upstream last worked, oldest first. */
  row: RowEntry[];
  /** Capacity answers in a row. */
  shortages: number;
  /** The token that was used last, and how often in a row. */
  lastTokenId: string | null;
  consecutiveUses: number;
}

export function createProviders(providers = new Map<string, ProviderState>()): (provider: string) => ProviderState {
  return (provider) => {
    const known = providers.get(provider);
    if (known !== undefined) return known;
    const made: ProviderState = { gate: null, row: [], shortages: 0, lastTokenId: null, consecutiveUses: 0 };
    providers.set(provider, made);
    return made;
  };
}

/** ms until the upstream may be called; 0: now, be it as a probe. */
export function gateWaitMs(state: ProviderState, now: number): number {
  return state.gate === null ? 0 : Math.max(0, state.gate.until - now);
}

/** A call goes out: while the gate is closed it is the probe, and the next one waits its time. */
export function passGate(state: ProviderState, now: number): void {
  if (state.gate !== null) state.gate.until = now + state.gate.every;
}

/** Counts the use for rotation. */
export function countUse(state: ProviderState, tokenId: string): void {
  state.consecutiveUses = state.lastTokenId === tokenId ? state.consecutiveUses + 1 : 1;
  state.lastTokenId = tokenId;
}

/** A pooled token's attempt failed. `active`: tokens of this upstream that are in service. */
export function countRowFailure(state: ProviderState, entry: RowEntry, active: number): void {
  // While the breaker is open every failure has one cause, and it is not the token.
  if (state.gate?.kind === 'breaker') return;
  state.row.push(entry);
  if (state.row.length >= BREAKER_FAILURES && isShared(state.row, active)) {
    state.row = [];
    state.gate = { kind: 'breaker', since: entry.at, until: entry.at + PROBE_EVERY_MS, every: PROBE_EVERY_MS };
  } else if (state.row.length > ROW_KEPT) state.row.shift();
}

/**
 * The upstream served `tokenId` (headers came at `at`): gates open, and failures before that moment are settled.
 * A few tokens that failed while another worked are at fault; many at once were not. Answers those to be counted.
 */
export function countSuccess(state: ProviderState, tokenId: string, at: number, active: number): readonly RowEntry[] {
  if (state.gate !== null && at > state.gate.since) state.gate = null;
  if (state.gate === null) state.shortages = 0;
  if (state.row.length === 0) return [];
  const settled = state.row.filter((entry) => entry.at <= at);
  if (settled.length === 0) return [];
  state.row = state.row.filter((entry) => entry.at > at);
  if (isShared(settled, active)) return [];
  return settled.filter((entry) => !entry.counted && entry.tokenId !== tokenId);
}

/** The upstream has no room. `begunAt`: when the attempt that heard so was admitted. */
export function countShortage(state: ProviderState, begunAt: number, hintMs: number | null, now: number): void {
  if (state.gate?.kind === 'breaker') return;
  // A burst that hits the wall together is one shortage, not fifty.
  if (state.gate !== null && begunAt <= state.gate.since) return;
  state.shortages += 1;
  const every = capacityBackOffMs(state.shortages, hintMs);
  state.gate = { kind: 'capacity', since: now, until: now + every, every };
}

/** At least three tokens, or all where fewer are in service. */
function isShared(row: readonly RowEntry[], active: number): boolean {
  return new Set(row.map((entry) => entry.tokenId)).size >= Math.min(SHARED_BY, Math.max(1, active));
}
