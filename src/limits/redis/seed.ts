/** Fills a home in Redis with what another one held. */
import type { AttemptEntry, LimitsState, RequestEntry, TokenEntry } from '../transfer.js';
import type { ScriptCall } from './calls.js';
import { batches, settingsArguments, tokenArgument } from './requests.js';

/** Fills an empty root. Times of the state must be of the server's clock. `random`: for tokens that the state does not name. */
export async function seedRedis(call: ScriptCall, state: LimitsState, random: () => number): Promise<void> {
  await call('configurePool', [...settingsArguments(state.settings), 'open', state.settings.position ?? '']);
  await call('seedProviders', [state.admissions, state.position, ...state.providers.map(providerArgument)]);
  const tokens = state.tokens.map((token) => [token.facts === null ? '' : tokenArgument(token.facts, token.tie), stateArgument(token)]);
  for (const some of batches(tokens)) await call('seedTokens', some.flat());
  const charges = [
    ...state.quotas.map(({ userId, period, kept, warned }) => JSON.stringify({ user: userId, period, kept, warned: warned ? 1 : 0 })),
    ...state.rates.map(({ keyId, times }) => JSON.stringify({ key: keyId, times })),
  ];
  for (const some of batches(charges)) await call('seedCharges', some);
  await adopt(call, state.requests, state.attempts, random);
}

/** Open requests and running attempts of an earlier home; those known already stay as they are. */
export async function adopt(
  call: ScriptCall,
  requests: readonly RequestEntry[],
  attempts: readonly AttemptEntry[],
  random: () => number,
): Promise<void> {
  for (const some of batches(requests)) await call('seedRequests', some.map(openArgument));
  for (const some of batches(attempts)) {
    await call(
      'seedAttempts',
      some.map((attempt) => attemptArgument(attempt, random())),
    );
  }
}

function stateArgument({ facts: _facts, unsupported, halfOpen, ...token }: TokenEntry): string {
  return withoutNulls({ ...token, halfOpen: halfOpen ? 1 : 0, unsupported: Object.fromEntries(unsupported) });
}

function openArgument({ record, run, left, quota, opener, begunAt }: RequestEntry): string {
  const { period, facts, metered, attempt, ...ids } = record;
  return withoutNulls({
    ...{ ...ids, attempt: `${attempt}`, day: period.day, month: period.month, facts: JSON.stringify(facts), metered: metered ? '1' : '0' },
    ...{ daily: quota?.daily ?? null, monthly: quota?.monthly ?? null, opener, begun: begunAt, run, left: left ? true : null },
  });
}

function attemptArgument(
  { id, run, requestId, tokenId, provider, model, epoch, begunAt, day, ...rest }: AttemptEntry,
  tie: number,
): string {
  const { respondedAt, served } = rest;
  return withoutNulls({
    ...{ id, run, token: tokenId, tie, request: requestId, provider, model, epoch, begun: begunAt, day },
    ...{ responded: respondedAt, served: served ? 1 : null },
  });
}

function providerArgument({ name, gate, row, shortages, lastTokenId, consecutiveUses }: LimitsState['providers'][number]): string {
  return withoutNulls({
    ...{ name, gate: gate?.kind ?? '', since: gate?.since ?? null, till: gate?.until ?? null, every: gate?.every ?? null },
    ...{ shortages, lastToken: lastTokenId ?? '', uses: consecutiveUses },
    row: row.map(({ tokenId, epoch, at, counted }) => ({ id: tokenId, epoch, at, counted })),
  });
}

/** In Lua what is absent is nil, and null is not. */
const withoutNulls = (value: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(value, (_name, member: unknown) => (member === null ? undefined : member));
