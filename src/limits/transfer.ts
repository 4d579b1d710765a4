/** The whole state of the limits as plain data: a snapshot, and what a new home is filled with. */
import { z } from 'zod';
import type { Core } from './core.js';
import { dayNumber } from './period.js';
import type { LimitSettings, OpenRecord, PoolToken } from './port.js';
import type { Now } from './token.js';
import { addAnswered, hourCount, trimWindow } from './window.js';

const ms = z.number();
const settingsFields = z.object({
  tokenRpmLimit: z.number(),
  tokenRphLimit: z.number(),
  tokenMaxConcurrent: z.number(),
  tokenMaxConsecutiveUses: z.number(),
  tokenMinSuccessRate: z.number(),
  position: z.number().optional(),
});
const settings = settingsFields.transform(
  ({ position, ...rest }): LimitSettings => (position === undefined ? rest : { ...rest, position }),
);
const poolToken = z.object({
  id: z.string(),
  ownerId: z.string().nullable(),
  visibility: z.enum(['public', 'private', 'external']),
  provider: z.string(),
  models: z.array(z.string()).readonly().nullable(),
  status: z.enum(['active', 'suspended', 'invalid']),
  parkedUntil: z.number().nullable(),
  dailyCap: z.number().nullable(),
  createdAt: z.number(),
  position: z.number(),
});
const openRecord = z.object({
  requestId: z.string(),
  terminalEventId: z.string(),
  attemptId: z.string(),
  attempt: z.int(),
  tokenId: z.string(),
  userId: z.string(),
  keyId: z.string(),
  period: z.object({ day: z.string(), month: z.string() }),
  facts: z.object({ endpoint: z.string(), model: z.string(), stream: z.boolean(), startedAt: z.number() }),
  metered: z.boolean(),
});
const tokenState = z.object({
  id: z.string(),
  facts: poolToken.nullable(),
  position: z.number(),
  tie: z.number(),
  /** Answered sends that still count. */
  sends: z.array(ms),
  /** ms + 1, negative for a failure, oldest first. */
  results: z.array(z.number()),
  fails: z.int(),
  cooldownUntil: ms,
  halfOpen: z.boolean(),
  epoch: z.int(),
  lastUsedAt: ms.nullable(),
  lastSeq: z.int(),
  day: z.int(),
  dayUsed: z.int(),
  unsupported: z.array(z.tuple([z.string(), ms])),
  keepUntil: ms,
});
export const attemptEntrySchema = z.object({
  id: z.string(),
  /** The node run that makes the call. */
  run: z.string(),
  requestId: z.string(),
  tokenId: z.string(),
  provider: z.string(),
  model: z.string(),
  epoch: z.int(),
  begunAt: ms,
  day: z.int(),
  respondedAt: ms.nullable(),
  served: z.boolean(),
});
export const requestEntrySchema = z.object({
  record: openRecord,
  run: z.string(),
  /** Its run is dead: `run` is to end it. */
  left: z.boolean(),
  quota: z.object({ daily: z.number(), monthly: z.number() }).nullable(),
  /** The attempt that opened it, and when. */
  opener: z.string(),
  begunAt: ms,
});
const provider = z.object({
  name: z.string(),
  gate: z.object({ kind: z.enum(['breaker', 'capacity']), since: ms, until: ms, every: ms }).nullable(),
  row: z.array(z.object({ tokenId: z.string(), epoch: z.int(), at: ms, counted: z.boolean() })),
  shortages: z.int(),
  lastTokenId: z.string().nullable(),
  consecutiveUses: z.int(),
});

/** Times are ms on the clock of the home that the state is of; `at` is the moment it was taken. Reservations follow from the requests. */
export const limitsStateSchema = z.object({
  at: z.object({ mono: ms, wall: ms }),
  settings,
  admissions: z.int(),
  position: z.number(),
  tokens: z.array(tokenState),
  attempts: z.array(attemptEntrySchema),
  requests: z.array(requestEntrySchema),
  quotas: z.array(z.object({ userId: z.string(), period: z.string(), kept: z.int(), warned: z.boolean() })),
  rates: z.array(z.object({ keyId: z.string(), times: z.array(ms) })),
  providers: z.array(provider),
});

export const wireSchemas = { settings, poolToken, openRecord };
export type LimitsState = z.output<typeof limitsStateSchema>;
export type TokenEntry = LimitsState['tokens'][number];
export type AttemptEntry = LimitsState['attempts'][number];
export type RequestEntry = LimitsState['requests'][number];

/** Whose attempts and open requests they are: the core does not know of runs. */
export interface Holders {
  runOf(attemptId: string): string;
  requestOf(requestId: string): { readonly record: OpenRecord; readonly run: string; readonly left: boolean } | undefined;
}

/** Takes the state out of a core. */
export function dumpCore(core: Core, holders: Holders, now: Now): LimitsState {
  const { inside, charges } = core;
  return {
    at: { ...now },
    settings: { ...inside.settings() },
    admissions: inside.admissions(),
    position: core.pool.position(),
    tokens: [...dumpTokens(core, now)],
    attempts: [...inside.attempts].map(([id, { token, requestId, provider, model, epoch, begunAt, day, respondedAt, served }]) => ({
      ...{ id, run: holders.runOf(id), requestId, tokenId: token.id, provider, model, epoch, begunAt, day, respondedAt, served },
    })),
    requests: [...charges.inside.requests].flatMap(([requestId, { quota, attemptId, begunAt }]) => {
      const held = holders.requestOf(requestId);
      if (held === undefined) return [];
      return [{ ...held, quota: quota === 'unknown' ? null : quota, opener: attemptId, begunAt }];
    }),
    quotas: [...charges.inside.quotas.all()].flatMap(([userId, { period, kept, warned }]) =>
      kept === 0 && !warned ? [] : [{ userId, period, kept, warned }],
    ),
    rates: [...charges.inside.keys.all()].flatMap(([keyId, times]) => (times.length === 0 ? [] : [{ keyId, times: [...times] }])),
    providers: [...inside.providers].map(([name, state]) => ({
      name,
      ...state,
      gate: state.gate && { ...state.gate },
      row: [...state.row],
    })),
  };
}

function* dumpTokens(core: Core, now: Now): Iterable<TokenEntry> {
  for (const token of core.pool.all()) {
    trimWindow(token.window, now.mono);
    const { id, facts, position, tie, fails, cooldownUntil, halfOpen, epoch, lastUsedAt, lastSeq, day, dayUsed, keepUntil } = token;
    if (facts === null && token.inFlight === 0 && hourCount(token.window) === 0 && keepUntil <= now.mono) continue;
    const sends = token.window.answered.slice(token.window.hourHead);
    const unsupported = [...token.unsupported];
    const rest = { fails, cooldownUntil, halfOpen, epoch, lastUsedAt, lastSeq, day, dayUsed, unsupported, keepUntil };
    yield { id, facts, position, tie, sends, results: [...token.results.marks], ...rest };
  }
}

/** Fills an empty core. Times of the state must be of the clock that the core is asked with from now on. */
export function loadCore(core: Core, state: LimitsState, now: Now): void {
  core.configure(state.settings, now);
  for (const entry of state.tokens) loadToken(core, entry, now);
  for (const [name, held] of state.providers.map(({ name, ...held }) => [name, held] as const)) core.inside.providers.set(name, held);
  for (const attempt of state.attempts) loadAttempt(core, attempt, now);
  for (const { record, quota, opener, begunAt } of state.requests) {
    core.charges.adopt({ ...record, attemptId: opener }, { mono: begunAt, wall: now.wall });
    const open = core.charges.inside.requests.get(record.requestId);
    if (open !== undefined && record.metered && quota !== null) core.charges.inside.requests.set(record.requestId, { ...open, quota });
  }
  for (const { userId, ...count } of state.quotas) core.charges.inside.quotas.take(userId, count);
  for (const { keyId, times } of state.rates) for (const at of times) core.charges.inside.keys.add(keyId, at);
  core.inside.setAdmissions(state.admissions);
  core.pool.hear(state.position);
  for (const token of core.pool.all()) core.pool.touch(token, now);
}

function loadToken(core: Core, entry: TokenEntry, now: Now): void {
  const token = core.pool.at(entry.id, now, entry.tie);
  if (entry.facts !== null) core.pool.put(entry.facts, now);
  addAnswered(token.window, entry.sends, now.mono);
  token.results.marks = [...entry.results];
  token.results.failures = entry.results.filter((mark) => mark < 0).length;
  const { position, fails, cooldownUntil, halfOpen, epoch, lastUsedAt, lastSeq, day, dayUsed, keepUntil } = entry;
  const unsupported = new Map(entry.unsupported);
  Object.assign(token, { position, fails, cooldownUntil, halfOpen, epoch, lastUsedAt, lastSeq, day, dayUsed, keepUntil });
  token.restored = true;
  if (unsupported.size > 0) core.pool.lacks(token, unsupported, now);
}

/** An attempt that runs, as if it had been admitted here. */
export function loadAttempt(core: Core, entry: AttemptEntry, now: Now): void {
  const { id, requestId, tokenId, provider, model, epoch, begunAt, day, respondedAt, served } = entry;
  const token = core.pool.at(tokenId, now);
  token.inFlight += 1;
  if (epoch === token.epoch) token.epochInFlight += 1;
  if (respondedAt === null) token.window.unanswered += 1;
  core.inside.attempts.set(id, { token, requestId, provider, model, epoch, begunAt, day, respondedAt, served });
}

/** The same state on another clock, `by` ms ahead. */
export function shiftState(state: LimitsState, by: number): LimitsState {
  const moved = (at: number): number => at + by;
  const maybe = (at: number | null): number | null => (at === null ? null : at + by);
  return {
    ...state,
    at: { mono: moved(state.at.mono), wall: moved(state.at.wall) },
    tokens: state.tokens.map((token) => ({
      ...token,
      sends: token.sends.map(moved),
      results: token.results.map((mark) => (mark < 0 ? mark - by : mark + by)),
      cooldownUntil: token.cooldownUntil === 0 ? 0 : moved(token.cooldownUntil),
      lastUsedAt: maybe(token.lastUsedAt),
      unsupported: token.unsupported.map(([model, until]): [string, number] => [model, moved(until)]),
      keepUntil: moved(token.keepUntil),
    })),
    attempts: state.attempts.map((one) => ({ ...one, begunAt: moved(one.begunAt), respondedAt: maybe(one.respondedAt) })),
    requests: state.requests.map((one) => ({ ...one, begunAt: moved(one.begunAt) })),
    rates: state.rates.map(({ keyId, times }) => ({ keyId, times: times.map(moved) })),
    providers: state.providers.map((one) => ({
      ...one,
      gate: one.gate && { ...one.gate, since: moved(one.gate.since), until: moved(one.gate.until) },
      row: one.row.map((entry) => ({ ...entry, at: moved(entry.at) })),
    })),
  };
}

/** A token that nothing is known of yet but what the directory says. */
export function freshToken(id: string, facts: PoolToken | null, tie: number, at: Now): TokenEntry {
  return {
    ...{ id, facts, position: facts?.position ?? -1, tie, sends: [], results: [], fails: 0, cooldownUntil: 0, epoch: 0 },
    // Out of credits before: the next request shows whether they are back.
    ...{
      halfOpen: facts?.parkedUntil != null,
      lastUsedAt: null,
      lastSeq: 0,
      day: dayNumber(at.wall),
      dayUsed: 0,
      unsupported: [],
      keepUntil: at.mono + 3_600_000,
    },
  };
}

/** Does `next` replace `known`? Settings without a position are always the newest. */
export function isNewer(next: LimitSettings, known: LimitSettings): boolean {
  return next.position === undefined || known.position === undefined || next.position >= known.position;
}
