/**
 * The limits once more, as simply as they can be said: plain lists, counted anew at every question, no heaps and no
 * running totals. Leaves that have tables of their own (scores, cooling, gates) are shared; everything else is not.
 */
import { coolingMs, riskCoolingMs } from '../cooling.js';
import { periodOf } from '../period.js';
import type { AdmitRequest, Finished, LimitSettings, OpenRecord, PoolToken, SettleAttempt, TokenHistory, UserUsage } from '../port.js';
import { countRowFailure, countShortage, countSuccess, createProviders, gateWaitMs, passGate } from '../providers.js';
import { tokenScore } from '../score.js';
import type { TestClock } from './fixtures.js';

const MINUTE = 61_000;
const HOUR = 3_601_000;
const DAY = 86_400_000;

interface OracleToken {
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

interface OracleAttempt {
  readonly request: AdmitRequest;
  readonly token: OracleToken;
  readonly epoch: number;
  readonly begunAt: number;
  readonly model: string;
  readonly send: OracleToken['sends'][number];
  readonly day: number;
  served: boolean;
}

interface Charge {
  readonly requestId: string;
  readonly userId: string;
  readonly day: string;
  readonly month: string;
  /** null: not metered; `unknown`: of a run that died. */
  readonly quota: AdmitRequest['quota'] | 'unknown';
  kept: boolean;
}

export type OracleAnswer =
  | { ok: true; tokenId: string; reason: string; considered: number }
  | { ok: false; code: string; retryAfterMs: number };

export function createOracle(clock: TestClock, first: LimitSettings) {
  let settings = first;
  let tokens: OracleToken[] = [];
  const attempts = new Map<string, OracleAttempt>();
  let charges: Charge[] = [];
  const open = new Map<string, Charge>();
  const warned = new Set<string>();
  const talks = new Map<string, { id: string; at: number }>();
  let row: { provider: string; id: string }[] = [];
  let provider = createProviders();
  let admissions = 0;

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
      maxConcurrent: settings.tokenMaxConcurrent,
      rpm: within(token, MINUTE).length,
      rpmLimit: settings.tokenRpmLimit,
      rph: within(token, HOUR).length,
      rphLimit: settings.tokenRphLimit,
      minSuccessRate: settings.tokenMinSuccessRate,
    });
    const { facts } = token;
    if (facts === null || facts.status !== 'active') return { status: 'out', freeAt: now(), score };
    if (facts.parkedUntil !== null && facts.parkedUntil > clock.now())
      return { status: 'parked', freeAt: now() + facts.parkedUntil - clock.now(), score };
    const capped = facts.dailyCap !== null && token.dayUsed >= facts.dailyCap;
    const freeAt = Math.max(
      now(),
      token.cooldownUntil,
      releaseOf(token, MINUTE, settings.tokenRpmLimit),
      releaseOf(token, HOUR, settings.tokenRphLimit),
      capped ? now() + (token.day + 1) * DAY - clock.now() : 0,
    );
    if (freeAt > now()) return { status: 'waiting', freeAt, score };
    const probing = token.halfOpen && [...token.running].some((id) => attempts.get(id)?.epoch === token.epoch);
    return { status: token.running.size >= settings.tokenMaxConcurrent || probing ? 'busy' : 'ready', freeAt, score };
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

  // ---- admission ----

  function quotaRefusal(request: AdmitRequest): OracleAnswer | null {
    if (request.quota === null) return null;
    const { day, month } = periodOf(clock.now());
    const metered = charges.filter((charge) => charge.userId === request.userId && charge.quota !== null);
    const dayEnd = (Math.floor(clock.now() / DAY) + 1) * DAY;
    const date = new Date(clock.now());
    const monthEnd = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    if (metered.filter((charge) => charge.month === month).length >= request.quota.monthly) {
      return { ok: false, code: 'quota_exceeded', retryAfterMs: monthEnd - clock.now() };
    }
    if (metered.filter((charge) => charge.day === day).length >= request.quota.daily) {
      return { ok: false, code: 'quota_exceeded', retryAfterMs: dayEnd - clock.now() };
    }
    return null;
  }

  function rateRefusal(request: AdmitRequest): OracleAnswer | null {
    if (request.keyRpm === null) return null;
    const times = keyTimes(request.keyId);
    const blocking = times[times.length - request.keyRpm];
    return blocking === undefined ? null : { ok: false, code: 'key_rate_limited', retryAfterMs: blocking + 60_000 - now() };
  }

  // Rates stay used when a charge is given back: `times` outlives `charges`.
  let times: { keyId: string; at: number }[] = [];
  const keyTimes = (keyId: string) => times.filter((one) => one.keyId === keyId && one.at + 60_000 > now()).map((one) => one.at);

  function decide(request: AdmitRequest): OracleAnswer {
    if (!open.has(request.requestId)) {
      const refused = quotaRefusal(request) ?? rateRefusal(request);
      if (refused !== null) return refused;
    }
    refreshDue();
    const targets = request.targets.filter((target) => gateWaitMs(provider(target.provider), now()) === 0);
    const asked = (list: AdmitRequest['targets']) =>
      tokens.filter((token) => list.some((target) => target.provider === token.facts?.provider && serves(token, target.model)));
    const isOwn = (token: OracleToken) => token.facts?.ownerId === request.userId;
    const mayUse = (token: OracleToken) => isOwn(token) || (!request.ownOnly && token.facts?.visibility === 'public');
    const usable = asked(targets).filter(mayUse);
    for (const token of usable)
      if ((token.seen.status === 'waiting' || token.seen.status === 'parked') && token.seen.freeAt <= now()) touch(token);
    const fresh = usable.filter((token) => token.seen.status === 'ready' && !request.exclude.includes(token.id));
    const found = best(request, fresh, isOwn);
    if (found !== null) return { ok: true, tokenId: found.token.id, reason: found.reason, considered: usable.length };
    return refuse(usable, asked(request.targets.filter((target) => !targets.includes(target))).filter(mayUse));
  }

  function best(
    request: AdmitRequest,
    ready: OracleToken[],
    isOwn: (token: OracleToken) => boolean,
  ): { token: OracleToken; reason: string } | null {
    const turnOver = (token: OracleToken) => {
      const uses = row.filter((use) => use.provider === token.facts?.provider).slice(-settings.tokenMaxConsecutiveUses);
      return uses.length === settings.tokenMaxConsecutiveUses && uses.every((use) => use.id === token.id);
    };
    const rested = ready.filter((token) => !turnOver(token));
    const tiers = [
      rested.filter(isOwn),
      rested.filter((token) => !isOwn(token)),
      ready.filter(isOwn),
      ready.filter((token) => !isOwn(token)),
    ];
    const tier = tiers.find((list) => list.length > 0);
    if (tier === undefined) return null;
    const talk = request.affinity === null ? undefined : talks.get(`${request.keyId} ${request.affinity}`);
    // Those whose turn is over serve as a last resort, by score alone.
    const bound = talk !== undefined && talk.at + 3_600_000 > now() && tiers.indexOf(tier) < 2;
    const kept = bound ? tier.find((token) => token.id === talk.id) : undefined;
    const order = [...tier].sort((a, b) => b.seen.score - a.seen.score || a.lastSeq - b.lastSeq || a.tie - b.tie);
    const token = kept ?? order[0];
    if (token === undefined) return null;
    const probe = token.halfOpen || provider(token.facts?.provider ?? '').gate !== null;
    const bySelf = isOwn(token) ? 'own' : 'score';
    return { token, reason: probe ? 'probe' : kept !== undefined ? 'affinity' : bySelf };
  }

  function refuse(usable: OracleToken[], closed: OracleToken[]): OracleAnswer {
    const waits = usable.flatMap(({ seen }) => {
      if (seen.status === 'waiting') return [seen.freeAt - now()];
      return seen.status === 'busy' || seen.status === 'ready' ? [1_000] : [];
    });
    const gates = closed
      .filter(({ seen }) => seen.status !== 'out' && seen.status !== 'parked')
      .map((token) => gateWaitMs(provider(token.facts?.provider ?? ''), now()));
    if (waits.length > 0) return { ok: false, code: 'pool_exhausted', retryAfterMs: Math.min(...waits, ...gates) };
    if (gates.length > 0) return { ok: false, code: 'upstream_overloaded', retryAfterMs: Math.min(...gates) };
    const parked = [...usable, ...closed].filter(({ seen }) => seen.status === 'parked').map(({ seen }) => seen.freeAt - now());
    const wait = parked.length > 0 ? Math.min(3_600_000, Math.max(0, Math.min(...parked))) : 60_000;
    return { ok: false, code: 'no_token_available', retryAfterMs: wait };
  }

  function take(request: AdmitRequest, id: string): void {
    const token = at(id);
    if (token?.facts == null) throw new Error('unknown token');
    if (!open.has(request.requestId)) {
      const { requestId, userId, keyId } = request;
      const charge: Charge = { requestId, userId, ...periodOf(clock.now()), quota: request.quota, kept: false };
      charges.push(charge);
      open.set(requestId, charge);
      times.push({ keyId, at: now() });
    }
    const { provider: name } = token.facts;
    rollDay(token);
    token.dayUsed += 1;
    const send = { respondedAt: null };
    const model = request.targets.find((target) => target.provider === name)?.model ?? '';
    attempts.set(request.attemptId, { request, token, epoch: token.epoch, begunAt: now(), model, send, day: token.day, served: false });
    token.sends.push(send);
    token.running.add(request.attemptId);
    token.lastUsedAt = now();
    admissions += 1;
    token.lastSeq = admissions;
    touch(token);
    passGate(provider(name), now());
    row.push({ provider: name, id });
    bind(request, token);
  }

  function bind(request: AdmitRequest, chosen: OracleToken): void {
    if (request.affinity === null) return;
    const name = `${request.keyId} ${request.affinity}`;
    const talk = talks.get(name);
    const kept = talk !== undefined && talk.at + 3_600_000 > now() ? at(talk.id) : undefined;
    const away = kept !== undefined && seated(kept) && !request.exclude.includes(kept.id);
    const soon =
      away && (['ready', 'busy'].includes(kept.seen.status) || (kept.seen.status === 'waiting' && kept.seen.freeAt - now() <= 61_000));
    talks.set(name, { id: soon ? kept.id : chosen.id, at: now() });
  }

  // ---- settlement ----

  function fail(token: OracleToken, epoch: number, risk: boolean, hint: number | null): void {
    token.results.push({ at: now(), ok: false });
    const escalates = epoch === token.epoch;
    if (escalates) token.fails += 1;
    if (!escalates && !risk) return;
    const rest = risk ? riskCoolingMs(token.fails, hint) : coolingMs(token.fails);
    if (rest === 0 || now() + rest <= token.cooldownUntil) return;
    Object.assign(token, { cooldownUntil: now() + rest, halfOpen: true, epoch: token.epoch + 1 });
  }

  function serve(attempt: OracleAttempt): void {
    if (attempt.served) return;
    attempt.served = true;
    attempt.send.respondedAt ??= now();
    const name = attempt.request.targets.find((target) => target.model === attempt.model)?.provider ?? '';
    for (const entry of countSuccess(provider(name), attempt.token.id, attempt.send.respondedAt, active(name))) {
      const token = at(entry.tokenId);
      if (token === undefined) continue;
      fail(token, entry.epoch, false, null);
      touch(token);
    }
  }

  function warningsOf({ userId, quota, day, month }: Charge): Pick<Finished['warned'][number], 'quota' | 'limit' | 'used'>[] {
    if (quota === null || quota === 'unknown') return [];
    const kept = charges.filter((one) => one.userId === userId && one.kept && one.quota !== null);
    const counts = [
      { quota: 'daily' as const, period: day, limit: quota.daily, used: kept.filter((one) => one.day === day).length },
      { quota: 'monthly' as const, period: month, limit: quota.monthly, used: kept.filter((one) => one.month === month).length },
    ];
    return counts.flatMap(({ period, ...warning }) => {
      if (warned.has(`${userId} ${period}`) || warning.used < warning.limit * 0.8) return [];
      warned.add(`${userId} ${period}`);
      return [warning];
    });
  }

  return {
    configure(next: LimitSettings) {
      if (next === settings) return;
      settings = next;
      for (const token of tokens) touch(token);
    },
    put(facts: PoolToken, tie: number) {
      const known = at(facts.id);
      if (known !== undefined && facts.position < known.position) return;
      const token = known ?? make(facts.id, tie);
      const back = token.facts !== null && token.facts.status !== 'active' && facts.status === 'active';
      if (back) Object.assign(token, { fails: 0, cooldownUntil: 0, halfOpen: false, epoch: token.epoch + 1 });
      token.facts = facts;
      token.position = facts.position;
      touch(token);
    },
    remove(id: string, position: number) {
      const token = at(id);
      if (token === undefined || position < token.position) return;
      token.facts = null;
      token.position = position;
      touch(token);
    },
    reset(id: string) {
      const token = at(id);
      if (token === undefined) return;
      Object.assign(token, { fails: 0, cooldownUntil: 0, halfOpen: false, epoch: token.epoch + 1 });
      touch(token);
    },
    peek: decide,
    admit(request: AdmitRequest): OracleAnswer {
      const answer = decide(request);
      if (answer.ok) take(request, answer.tokenId);
      return answer;
    },
    responded(id: string, served: boolean) {
      const attempt = attempts.get(id);
      if (attempt === undefined) return;
      attempt.send.respondedAt ??= now();
      if (served) serve(attempt);
      if (attempt.token.seen.status === 'waiting') touch(attempt.token);
    },
    settle(ended: SettleAttempt) {
      const attempt = attempts.get(ended.attemptId);
      if (attempt === undefined) return;
      const { token, epoch } = attempt;
      const name = attempt.request.targets.find((target) => target.model === attempt.model)?.provider ?? '';
      attempts.delete(ended.attemptId);
      token.running.delete(ended.attemptId);
      if (ended.outcome === 'success') serve(attempt);
      if (ended.sent || attempt.send.respondedAt !== null) attempt.send.respondedAt ??= now();
      else {
        token.sends = token.sends.filter((send) => send !== attempt.send);
        if (token.day === attempt.day) token.dayUsed -= 1;
      }
      const failure = { tokenId: token.id, epoch, at: now() };
      const pooled = token.facts !== null;
      if (ended.outcome === 'success') {
        token.results.push({ at: now(), ok: true });
        if (epoch === token.epoch) {
          token.fails = 0;
          if (token.halfOpen) Object.assign(token, { cooldownUntil: 0, halfOpen: false, epoch: token.epoch + 1 });
        }
      } else if (ended.outcome === 'token_failure' || ended.outcome === 'risk') {
        if (pooled) countRowFailure(provider(name), { ...failure, counted: true }, active(name));
        fail(token, epoch, ended.outcome === 'risk', ended.retryAfterMs);
      } else if (ended.outcome === 'upstream_failure') {
        if (pooled) countRowFailure(provider(name), { ...failure, counted: false }, active(name));
      } else if (ended.outcome === 'capacity') countShortage(provider(name), attempt.begunAt, ended.retryAfterMs, now());
      if (ended.modelUnsupported === true && pooled && !token.unsupported.has(attempt.model)) {
        token.unsupported.set(attempt.model, now() + 3_600_000);
        token.refreshAt = null;
      }
      touch(token);
    },
    finish(requestId: string, keep: boolean): Pick<Finished['warned'][number], 'quota' | 'limit' | 'used'>[] {
      const charge = open.get(requestId);
      if (charge === undefined) return [];
      open.delete(requestId);
      charge.kept = keep;
      if (!keep) charges = charges.filter((one) => one !== charge);
      return keep ? warningsOf(charge) : [];
    },
    /** A run died and its end was noticed: what it ran has ended, and may just have reached the upstream. */
    bury(attemptIds: readonly string[]) {
      for (const id of attemptIds) {
        const attempt = attempts.get(id);
        if (attempt === undefined) continue;
        attempts.delete(id);
        attempt.token.running.delete(id);
        attempt.send.respondedAt ??= now();
        touch(attempt.token);
      }
    },
    /** What read models would say of all tokens that are in the pool. */
    histories(): TokenHistory[] {
      const wallOf = (mono: number) => clock.now() - (now() - mono);
      return tokens.flatMap((token) => {
        if (token.facts === null) return [];
        const today = Math.floor(clock.now() / DAY);
        const running = [...attempts.values()].map((attempt) => attempt.send);
        const sends = within(token, HOUR).filter((send) => !running.includes(send));
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
    /** Yesterday, today and tomorrow: the clock may have stepped. */
    usages(users: readonly string[]): UserUsage[] {
      return users.flatMap((userId) =>
        [-DAY, 0, DAY].map((shift) => {
          const { day, month } = periodOf(clock.now() + shift);
          const kept = charges.filter((one) => one.userId === userId && one.kept && one.quota !== null);
          const [dayUsed, monthUsed] = [kept.filter((one) => one.day === day).length, kept.filter((one) => one.month === month).length];
          return { userId, day, dayUsed, month, monthUsed };
        }),
      );
    },
    /** A process of its own began anew: only what is charged is known, and that from elsewhere. */
    restart() {
      tokens = [];
      row = [];
      times = [];
      provider = createProviders();
      attempts.clear();
      talks.clear();
      open.clear();
      warned.clear();
      charges = charges.filter((charge) => charge.kept);
      admissions = 0;
    },
    adopt({ requestId, userId, period, metered, tokenId }: OpenRecord, tie: number) {
      const charge: Charge = { requestId, userId, ...period, quota: metered ? 'unknown' : null, kept: false };
      charges.push(charge);
      open.set(requestId, charge);
      const token = at(tokenId) ?? make(tokenId, tie);
      token.sends.push({ respondedAt: now(), adopted: true });
      touch(token);
    },
    restore(histories: readonly TokenHistory[], usages: readonly UserUsage[]) {
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
        token.halfOpen = token.fails >= 2 || token.cooldownUntil > now();
        token.lastUsedAt = history.lastUsedAt === null ? null : since;
        Object.assign(token, { day: Math.floor(clock.now() / DAY), dayUsed: history.dayUsed });
        touch(token);
      }
      for (const { userId, day, month } of usages) for (const period of [day, month]) warned.delete(`${userId} ${period}`);
    },
    tokenUse(id: string) {
      const token = at(id);
      if (token === undefined) throw new Error('unknown token');
      const results = recent(token);
      return {
        tokenId: id,
        rpm: within(token, MINUTE).length,
        rph: within(token, HOUR).length,
        concurrency: token.running.size,
        consecutiveFails: token.fails,
        cooldownUntil: token.cooldownUntil > now() ? clock.now() + token.cooldownUntil - now() : null,
        failureRate: results.length === 0 ? 0 : results.filter((one) => !one.ok).length / results.length,
      };
    },
    userUse(userId: string) {
      const { day, month } = periodOf(clock.now());
      const metered = charges.filter((charge) => charge.userId === userId && charge.quota !== null);
      return {
        day,
        dayUsed: metered.filter((one) => one.day === day).length,
        month,
        monthUsed: metered.filter((one) => one.month === month).length,
      };
    },
    keyUse: (keyId: string) => keyTimes(keyId).length,
  };
}
