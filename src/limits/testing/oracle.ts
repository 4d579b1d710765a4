/**
 * The limits once more, as simply as they can be said: plain lists, counted anew at every question, no heaps and no
 * running totals. Leaves that have tables of their own (scores, cooling, gates) are shared; everything else is not.
 */
import { coolingMs, riskCoolingMs } from '../cooling.js';
import type { AdmitRequest, KeyHistory, LimitSettings, OpenRecord, PoolToken, SettleAttempt, TokenHistory, UserUsage } from '../port.js';
import { countRowFailure, countShortage, countSuccess, createProviders, gateWaitMs, passGate } from '../providers.js';
import type { TestClock } from './fixtures.js';
import { createOracleCharges } from './oracleCharges.js';
import { createOracleTokens, type OracleToken } from './oracleTokens.js';

const MINUTE = 61_000;
const HOUR = 3_601_000;

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

export type OracleAnswer =
  | { ok: true; tokenId: string; reason: string; considered: number }
  | { ok: false; code: string; retryAfterMs: number };

export function createOracle(clock: TestClock, first: LimitSettings) {
  let settings = first;
  const attempts = new Map<string, OracleAttempt>();
  const charges = createOracleCharges(clock);
  const talks = new Map<string, { id: string; at: number }>();
  let row: { provider: string; id: string }[] = [];
  let provider = createProviders();
  let admissions = 0;

  const tokens = createOracleTokens(
    clock,
    () => settings,
    (id) => attempts.get(id)?.epoch,
  );
  const { at, make, active, within, recent, serves, seated, rollDay, touch, refreshDue } = tokens;
  const now = () => clock.monotonic();
  // ---- admission ----

  function decide(request: AdmitRequest): OracleAnswer {
    const refused = charges.refusal(request);
    if (refused !== null) return refused;
    refreshDue();
    const targets = request.targets.filter((target) => gateWaitMs(provider(target.provider), now()) === 0);
    const asked = (list: AdmitRequest['targets']) =>
      tokens.all().filter((token) => list.some((target) => target.provider === token.facts?.provider && serves(token, target.model)));
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
    charges.open(request);
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

  return {
    configure(next: LimitSettings) {
      if (next === settings) return;
      settings = next;
      for (const token of tokens.all()) touch(token);
    },
    put(facts: PoolToken, tie: number) {
      const known = at(facts.id);
      if (known !== undefined && facts.position < known.position) return;
      const token = known ?? make(facts.id, tie);
      const back = token.facts !== null && token.facts.status !== 'active' && facts.status === 'active';
      if (back) Object.assign(token, { fails: 0, cooldownUntil: 0, halfOpen: false, epoch: token.epoch + 1 });
      const parked = facts.parkedUntil !== null && facts.parkedUntil !== token.facts?.parkedUntil;
      if (parked) Object.assign(token, { halfOpen: true, epoch: token.epoch + 1 });
      const unparked = token.facts?.parkedUntil != null && facts.parkedUntil === null;
      if (unparked) Object.assign(token, { fails: 0, cooldownUntil: 0, halfOpen: true, epoch: token.epoch + 1 });
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
      if (ended.modelUnsupported === true && pooled && (token.unsupported.get(attempt.model) ?? 0) <= now()) {
        token.unsupported.set(attempt.model, now() + 3_600_000);
        token.refreshAt = null;
      }
      touch(token);
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
    finish: charges.finish,
    userUse: charges.userUse,
    keyUse: charges.keyUse,
    usages: charges.usages,
    histories: () => tokens.histories((send) => [...attempts.values()].some((attempt) => attempt.send === send)),
    /** A process of its own began anew: only what is charged is known, and that from elsewhere. */
    restart() {
      tokens.clear();
      row = [];
      provider = createProviders();
      attempts.clear();
      talks.clear();
      charges.restart();
      admissions = 0;
    },
    adopt(record: OpenRecord, tie: number) {
      charges.adopt(record);
      const { tokenId } = record;
      const token = at(tokenId) ?? make(tokenId, tie);
      token.sends.push({ respondedAt: now(), adopted: true });
      touch(token);
    },
    keyHistories: charges.keyHistories,
    restore(histories: readonly TokenHistory[], usages: readonly UserUsage[], keys: readonly KeyHistory[]) {
      tokens.restore(histories);
      charges.restored(usages, keys);
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
  };
}
