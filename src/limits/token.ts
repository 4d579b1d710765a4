/** What the limits know of one token, and the single check that says whether it may serve now. */
import type { Seat } from './groups.js';
import type { HeapNode } from './heap.js';
import { DAY_MS, dayNumber } from './period.js';
import type { LimitSettings, PoolToken, RefusedBecause } from './port.js';
import { createResults, type Results, trimResults } from './results.js';
import { tokenScore } from './score.js';
import { createWindow, hourCount, hourFreeAt, minuteCount, minuteFreeAt, type SendWindow, trimWindow } from './window.js';

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
  /** A rest or a want of credits is over or under way: one request at a time until one succeeds. */
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
  /** In the heap of tokens whose score will change with time alone; null: nothing is due. */
  refresh: HeapNode<TokenState> | null;
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
  };
}

/** Brings `status`, `because`, `freeAt` and `score` up to date. Every path asks this and nothing else. */
export function assess(token: TokenState, settings: LimitSettings, now: Now): void {
  trimWindow(token.window, now.mono);
  trimResults(token.results, now.mono);
  rollDay(token, now.wall);
  token.score = scoreOf(token, settings, now.mono);
  token.freeAt = now.mono;
  token.status = 'ready';
  token.because = null;
  checkLife(token, now);
  if (token.status === 'ready') checkTime(token, settings, now);
  if (token.status === 'ready') checkSlots(token, settings);
}

function block(token: TokenState, status: TokenStatus, because: RefusedBecause, freeAt: number): void {
  token.status = status;
  token.because = because;
  token.freeAt = freeAt;
}

function checkLife(token: TokenState, now: Now): void {
  const { facts } = token;
  if (facts === null) block(token, 'out', 'invalid', now.mono);
  else if (facts.status !== 'active') block(token, 'out', facts.status, now.mono);
  else if (facts.parkedUntil !== null && facts.parkedUntil > now.wall) {
    block(token, 'parked', 'credits', now.mono + (facts.parkedUntil - now.wall));
  }
}

/** Of cooling, both windows and the donor's cap, the one that ends last. */
function checkTime(token: TokenState, settings: LimitSettings, now: Now): void {
  if (token.cooldownUntil > token.freeAt) block(token, 'waiting', 'cooling', token.cooldownUntil);
  const minute = minuteFreeAt(token.window, settings.tokenRpmLimit, now.mono);
  if (minute > token.freeAt) block(token, 'waiting', 'rpm', minute);
  const hour = hourFreeAt(token.window, settings.tokenRphLimit, now.mono);
  if (hour > token.freeAt) block(token, 'waiting', 'rph', hour);
  const cap = token.facts?.dailyCap ?? null;
  if (cap === null || token.dayUsed < cap) return;
  const midnight = now.mono + ((token.day + 1) * DAY_MS - now.wall);
  if (midnight > token.freeAt) block(token, 'waiting', 'daily_cap', midnight);
}

function checkSlots(token: TokenState, settings: LimitSettings): void {
  if (token.inFlight >= settings.tokenMaxConcurrent) block(token, 'busy', 'busy', token.freeAt);
  else if (token.halfOpen && token.epochInFlight > 0) block(token, 'busy', 'probing', token.freeAt);
}

/** A day that the clock stepped back to keeps the later day's count: a cap is never widened by a step. */
export function rollDay(token: TokenState, wall: number): void {
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
