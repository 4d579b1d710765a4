/** What the scripts are told, as flat arguments: no JSON is decoded in Redis on a request's way. */
import { createHash } from 'node:crypto';
import type { AdmitRequest, LimitSettings, PoolToken, SettleAttempt, TokenHistory } from '../port.js';

export type Argument = string | number;

/** Tokens, histories or users in one call: a script of 100 stays under some 5 ms. */
const BATCH = 100;

export function batches<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / BATCH) }, (_, i) => list.slice(i * BATCH, (i + 1) * BATCH));
}

const optional = (value: number | string | null): Argument => value ?? '';

/** Arguments 4 and on of peekRequest and admitRequest; `include/request.lua` reads them. */
export function requestArguments(request: AdmitRequest): Argument[] {
  const { attemptId, requestId, terminalEventId, attempt, userId, keyId, quota, keyRpm, onlyTokenId, ownOnly, targets, exclude } = request;
  return [
    ...[attemptId, requestId, terminalEventId, attempt, userId, keyId],
    ...[optional(quota?.daily ?? null), optional(quota?.monthly ?? null), optional(keyRpm), optional(onlyTokenId)],
    ...[ownOnly ? 1 : 0, conversationOf(request), JSON.stringify(request.facts)],
    ...[targets.length, ...targets.flatMap(({ provider, model }) => [provider, model])],
    ...[exclude.length, ...exclude],
  ];
}

/** Namespaced by key, and of one short length whatever the client calls its conversation. */
function conversationOf({ keyId, affinity }: AdmitRequest): string {
  return affinity === null ? '' : createHash('sha1').update(`${keyId}\n${affinity}`).digest('base64url');
}

export function settleArguments({ attemptId, outcome, retryAfterMs, sent, modelUnsupported }: SettleAttempt): Argument[] {
  return [attemptId, outcome, optional(retryAfterMs), sent ? 1 : 0, modelUnsupported === true ? 1 : 0];
}

export function settingsArguments(settings: LimitSettings): Argument[] {
  const { tokenRpmLimit, tokenRphLimit, tokenMaxConcurrent, tokenMaxConsecutiveUses, tokenMinSuccessRate } = settings;
  return [tokenRpmLimit, tokenRphLimit, tokenMaxConcurrent, tokenMaxConsecutiveUses, tokenMinSuccessRate];
}

/** Nulls are left out: in Lua what is absent is nil, and null is not. */
const withoutNulls = (value: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(value, (_name, member: unknown) => (member === null ? undefined : member));

export function tokenArgument(token: PoolToken, tie: number): string {
  const { id, ownerId, visibility, provider, models, status, parkedUntil, dailyCap, position } = token;
  const names = models === null ? null : JSON.stringify(models);
  return withoutNulls({ id, tie, ownerId, visibility, provider, models: names, status, parkedUntil, dailyCap, position });
}

export function historyArgument(history: TokenHistory, tie: number): string {
  return withoutNulls({ ...history, results: history.results.slice(-100), tie });
}
