/** What the limits know of one token, and the single check that says whether it may serve now. */
import type { Seat } from './groups.js';
import type { HeapNode } from './heap.js';
import { DAY_MS, dayNumber } from './period.js';
import type { LimitSettings, PoolToken, RefusedBecause } from './port.js';
import { createResults, type Results, trimResults } from './results.js';
import { tokenScore } from './score.js';
import { createWindow, hourCount, minuteCount, type SendWindow, trimWindow, windowFreeAt } from './window.js';

/** One moment on both clocks, ms: `mono` for windows and rests, `wall` for days, months and what admins see. */
export interface Now {
  readonly mono: number;
  readonly wall: number;
}

/** `waiting`: until `freeAt`. `parked`: out of credits until then. `busy`: until a settlement. `out`: until an admin. */
export type TokenStatus = 'ready' | 'waiting' | 'parked' | 'busy' | 'out';

export interface TokenState {
  readonly id: string;
  /** null: not in the pool (yet, or any more); the windows outlive a removal. */
  facts: PoolToken | null;
  /** Control position of `facts` or of the removal. */
  position: number;
  readonly window: SendWindow;
  readonly results: Results;
  /** Attempts that are not settled. */
  inFlight: number;
  fails: number;
  /** Monotonic; 0: none. */
  cooldownUntil: number;
  /** A rest is over or under way: one request at a time until one succeeds. */
  halfOpen: boolean;
  /** Rises with every change of health: results of attempts begun before do not escalate. */
  epoch: number;
  /** Unsettled attempts begun in this epoch. */
  epochInFlight: number;
  /** Monotonic time of the last admission. */
  lastUsedAt: number | null;
  /** Number of the last admission; settles ties, longest unused first. */
  lastSeq: number;
  /** Random, fixed: settles ties between tokens never used. */
  readonly tie: number;
  /** UTC day and the sends in it, for the donor's cap. */
  day: number;
  dayUsed: number;
  /** Models it turned out not to serve, until when (monotonic); bounded. */
  unsupported: ReadonlyMap<string, number>;
  restored: boolean;
  /** Not forgotten before, though nothing else speaks for it (monotonic). */
  keepUntil: number;
  // What `assess` found last.
  status: TokenStatus;
  because: RefusedBecause | null;
  /** Monotonic, for `waiting` and `parked`. */
  freeAt: number;
  score: number;
  // Where the pool keeps it.
  seats: readonly Seat[];
  /** In the heap of tokens whose score will change with time alone; null: never placed. */
  refresh: HeapNode<TokenState> | null;
  refreshAt: number;
}

export function createToken(id: string, tie: number): TokenState {
  return {
    id,
    facts: null,
    position: -1,
    window: createWindow(),
    results: createResults(),
    inFlight: 0,
    fails: 0,
    cooldownUntil: 0,
    halfOpen: false,
    epoch: 0,
    epochInFlight: 0,
    lastUsedAt: null,
    lastSeq: 0,
    tie,
    day: 0,
    dayUsed: 0,
    unsupported: new Map(),
    restored: false,
    keepUntil: 0,
    status: 'out',
    because: null,
    freeAt: 0,
    score: 0,
    seats: [],
    refresh: null,
    refreshAt: Number.POSITIVE_INFINITY,
  };
}

/** Brings `status`, `because`, `freeAt` and `score` up to date. Every path asks this and nothing else. */
export function assess(token: TokenState, settings: LimitSettings, now: Now): void {
  trimWindow(token.window, now.mono);
  trimResults(token.results, now.mono);
  rollDay(token, now.wall);
  token.score = scoreOf(token, settings, now.mono);
  token.freeAt = now.mono;
  const blocked = lifeBlock(token, now) ?? timeBlock(token, settings, now) ?? slotBlock(token, settings);
  token.status = blocked?.status ?? 'ready';
  token.because = blocked?.because ?? null;
}

interface Block {
  readonly status: TokenStatus;
  readonly because: RefusedBecause;
}

function lifeBlock(token: TokenState, now: Now): Block | null {
  const { facts } = token;
  if (facts === null) return { status: 'out', because: 'invalid' };
  if (facts.status !== 'active') return { status: 'out', because: facts.status };
  if (facts.parkedUntil === null || facts.parkedUntil <= now.wall) return null;
  token.freeAt = now.mono + (facts.parkedUntil - now.wall);
  return { status: 'parked', because: 'credits' };
}

/** The block that ends last, of cooling, both windows and the donor's cap. */
function timeBlock(token: TokenState, settings: LimitSettings, now: Now): Block | null {
  let because: RefusedBecause | null = null;
  if (token.cooldownUntil > token.freeAt) {
    token.freeAt = token.cooldownUntil;
    because = 'cooling';
  }
  const free = windowFreeAt(token.window, { rpm: settings.tokenRpmLimit, rph: settings.tokenRphLimit }, now.mono);
  if (free.at > token.freeAt) {
    token.freeAt = free.at;
    because = free.because;
  }
  const cap = token.facts?.dailyCap ?? null;
  if (cap !== null && token.dayUsed >= cap) {
    const midnight = now.mono + ((token.day + 1) * DAY_MS - now.wall);
    if (midnight > token.freeAt) {
      token.freeAt = midnight;
      because = 'daily_cap';
    }
  }
  return because === null ? null : { status: 'waiting', because };
}

function slotBlock(token: TokenState, settings: LimitSettings): Block | null {
  if (token.inFlight >= settings.tokenMaxConcurrent) return { status: 'busy', because: 'busy' };
  if (token.halfOpen && token.epochInFlight > 0) return { status: 'busy', because: 'probing' };
  return null;
}

/** A day that the clock stepped back to keeps the later day's count: a cap is never widened by a step. */
function rollDay(token: TokenState, wall: number): void {
  const day = dayNumber(wall);
  if (day === token.day || (day < token.day && day > token.day - 2)) return;
  token.day = day;
  token.dayUsed = 0;
}

function scoreOf(token: TokenState, settings: LimitSettings, mono: number): number {
  return tokenScore({
    attempts: token.results.marks.length,
    failures: token.results.failures,
    consecutiveFails: token.fails,
    idleMs: token.lastUsedAt === null ? null : mono - token.lastUsedAt,
    inFlight: token.inFlight,
    maxConcurrent: settings.tokenMaxConcurrent,
    rpm: minuteCount(token.window),
    rpmLimit: settings.tokenRpmLimit,
    rph: hourCount(token.window),
    rphLimit: settings.tokenRphLimit,
    minSuccessRate: settings.tokenMinSuccessRate,
  });
}

/** A new state of health: what began before it has no say in the next one. */
export function changeHealth(token: TokenState, change: { fails?: number; cooldownUntil?: number; halfOpen?: boolean }): void {
  Object.assign(token, change);
  token.epoch += 1;
  token.epochInFlight = 0;
}

/** May the pool forget this state altogether? Only when nothing in it could still refuse a call. */
export function isForgettable(token: TokenState, now: number): boolean {
  if (token.inFlight > 0 || token.cooldownUntil > now || token.keepUntil > now) return false;
  if (token.facts !== null && token.facts.visibility !== 'external') return false;
  trimWindow(token.window, now);
  return hourCount(token.window) === 0;
}
