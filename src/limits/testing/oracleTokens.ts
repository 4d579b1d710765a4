/** The tokens of the oracle: sends and results as plain lists, looked at anew whenever something touches them. */
import type { LimitSettings, PoolToken, TokenHistory } from '../port.js';
import { tokenScore } from '../score.js';
import type { TestClock } from './fixtures.js';

const MINUTE = 61_000;
const HOUR = 3_601_000;
const DAY = 86_400_000;

export interface OracleToken {
  readonly id: string;
  readonly tie: number;
  facts: PoolToken | null;
  position: number;
  /** `adopted`: of an open record, until read models tell of it. */
  sends: { respondedAt: number | null; adopted?: true }[];
  /** Uses of the latest day seen; of a day before it only where the clock stepped back by two. */
  day: number;
  dayUsed: number;
  results: { at: number; ok: boolean }[];
  running: Set<string>;
  fails: number;
  cooldownUntil: number;
  halfOpen: boolean;
  epoch: number;
  lastUsedAt: number | null;
  lastSeq: number;
  unsupported: Map<string, number>;
  refreshAt: number | null;
  seen: { status: 'ready' | 'waiting' | 'parked' | 'busy' | 'out'; freeAt: number; score: number };
}

/** `epochOf`: of a running attempt, that of its token when it began. */
export function createOracleTokens(clock: TestClock, settings: () => LimitSettings, epochOf: (attemptId: string) => number | undefined) {
  let tokens: OracleToken[] = [];
  const now = () => clock.monotonic();
  const at = (id: string) => tokens.find((token) => token.id === id);
  const active = (name: string) => tokens.filter((token) => token.facts?.status === 'active' && token.facts.provider === name).length;
  const within = (token: OracleToken, length: number) =>
    token.sends.filter((send) => send.respondedAt === null || send.respondedAt + length > now());
  const recent = (token: OracleToken) => token.results.filter((one) => one.at > now() - DAY).slice(-100);
  const serves = (token: OracleToken, model: string) =>
    !token.unsupported.has(model) && (token.facts?.models == null || token.facts.models.includes(model));
  const seated = (token: OracleToken) =>
    token.facts !== null && (token.facts.models === null || token.facts.models.some((model) => serves(token, model)));

  function make(id: string, tie: number): OracleToken {
    const token: OracleToken = {
      id,
      tie,
      facts: null,
      position: -1,
      sends: [],
      day: 0,
      dayUsed: 0,
      results: [],
      running: new Set(),
      fails: 0,
      cooldownUntil: 0,
      halfOpen: false,
      epoch: 0,
      lastUsedAt: null,
      lastSeq: 0,
      unsupported: new Map(),
      refreshAt: null,
      seen: { status: 'out', freeAt: 0, score: 0 },
    };
    tokens.push(token);
    return token;
  }

  function releaseOf(token: OracleToken, length: number, limit: number): number {
    const ends = within(token, length)
      .map((send) => (send.respondedAt ?? now()) + length)
      .sort((a, b) => a - b);
    return ends[ends.length - limit] ?? now();
  }

  function touch(token: OracleToken): void {
    token.seen = look(token);
    if (token.refreshAt === null && seated(token)) token.refreshAt = nextRefresh(token);
  }

  function rollDay(token: OracleToken): void {
    const today = Math.floor(clock.now() / DAY);
    if (today === token.day || today === token.day - 1) return;
    Object.assign(token, { day: today, dayUsed: 0 });
  }

  function look(token: OracleToken): OracleToken['seen'] {
    rollDay(token);
    const results = recent(token);
    const score = tokenScore({
      attempts: results.length,
      failures: results.filter((one) => !one.ok).length,
      consecutiveFails: token.fails,
      idleMs: token.lastUsedAt === null ? null : now() - token.lastUsedAt,
      inFlight: token.running.size,
      maxConcurrent: settings().tokenMaxConcurrent,
      rpm: within(token, MINUTE).length,
      rpmLimit: settings().tokenRpmLimit,
      rph: within(token, HOUR).length,
      rphLimit: settings().tokenRphLimit,
      minSuccessRate: settings().tokenMinSuccessRate,
    });
    const { facts } = token;
    if (facts === null || facts.status !== 'active') return { status: 'out', freeAt: now(), score };
    if (facts.parkedUntil !== null && facts.parkedUntil > clock.now())
      return { status: 'parked', freeAt: now() + facts.parkedUntil - clock.now(), score };
    const capped = facts.dailyCap !== null && token.dayUsed >= facts.dailyCap;
    const freeAt = Math.max(
      now(),
      token.cooldownUntil,
      releaseOf(token, MINUTE, settings().tokenRpmLimit),
      releaseOf(token, HOUR, settings().tokenRphLimit),
      capped ? now() + (token.day + 1) * DAY - clock.now() : 0,
    );
    if (freeAt > now()) return { status: 'waiting', freeAt, score };
    const probing = token.halfOpen && [...token.running].some((id) => epochOf(id) === token.epoch);
    return { status: token.running.size >= settings().tokenMaxConcurrent || probing ? 'busy' : 'ready', freeAt, score };
  }

  function nextRefresh(token: OracleToken): number | null {
    const idle = token.lastUsedAt === null ? Number.POSITIVE_INFINITY : now() - token.lastUsedAt;
    const calm = within(token, HOUR).length === 0 && recent(token).every((one) => one.ok) && token.unsupported.size === 0;
    if (idle >= 3_600_000 && calm) return null;
    return Math.min(now() + Math.min(3_600_000, Math.max(MINUTE, idle)), ...token.unsupported.values());
  }

  function refreshDue(): void {
    const due = tokens.filter((token) => token.refreshAt !== null && token.refreshAt <= now());
    due.sort((a, b) => (a.refreshAt ?? 0) - (b.refreshAt ?? 0) || a.tie - b.tie);
    for (const token of due.slice(0, 16)) {
      token.refreshAt = null;
      token.unsupported = new Map([...token.unsupported].filter(([, until]) => until > now()));
      touch(token);
    }
  }

  return {
    all: () => tokens,
    clear() {
      tokens = [];
    },
    at,
    make,
    active,
    within,
    recent,
    serves,
    seated,
    rollDay,
    touch,
    refreshDue,
    /** What read models would say of all tokens that are in the pool. */
    histories(isRunning: (send: OracleToken['sends'][number]) => boolean): TokenHistory[] {
      const wallOf = (mono: number) => clock.now() - (now() - mono);
      return tokens.flatMap((token) => {
        if (token.facts === null) return [];
        const today = Math.floor(clock.now() / DAY);
        const sends = within(token, HOUR).filter((send) => !isRunning(send));
        return {
          tokenId: token.id,
          sends: sends.flatMap((send) => (send.respondedAt === null ? [] : wallOf(send.respondedAt))),
          results: recent(token).map((one) => one.ok),
          consecutiveFails: token.fails,
          cooldownUntil: token.cooldownUntil === 0 ? null : wallOf(token.cooldownUntil),
          lastUsedAt: token.lastUsedAt === null ? null : wallOf(token.lastUsedAt),
          dayUsed: today === token.day || today === token.day - 1 ? token.dayUsed : 0,
        };
      });
    },
    restore(histories: readonly TokenHistory[]) {
      const monoOf = (wall: number) => now() - (clock.now() - wall);
      for (const history of histories) {
        const token = at(history.tokenId);
        if (token === undefined) continue;
        const since = history.lastUsedAt === null ? now() : Math.min(now(), monoOf(history.lastUsedAt));
        token.sends = token.sends.filter((send) => send.adopted !== true);
        token.sends.push(...history.sends.map((wall) => ({ respondedAt: monoOf(wall) })));
        token.results.push(...history.results.map((ok) => ({ at: since, ok })));
        token.fails = history.consecutiveFails;
        token.cooldownUntil = history.cooldownUntil === null ? 0 : monoOf(history.cooldownUntil);
        token.halfOpen ||= token.fails >= 2 || token.cooldownUntil > now();
        token.lastUsedAt = history.lastUsedAt === null ? null : since;
        Object.assign(token, { day: Math.floor(clock.now() / DAY), dayUsed: history.dayUsed });
        touch(token);
      }
    },
  };
}
