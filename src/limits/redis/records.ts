/** What the scripts answer, checked: nothing read from Redis is believed before a schema has seen it. */
import { z } from 'zod';
import type { RedisReply } from '../../infra/redis/connection.js';
import type { Admitted, Finished, OpenRecord, Refusal, Settled, TokenUse } from '../port.js';

const time = z.number();
const count = z.int();
const decision = z.object({
  candidates: z.array(
    z.object({
      tokenId: z.string(),
      score: z.number(),
      refused: z
        .enum([
          ...(['busy', 'rpm', 'rph', 'cooling', 'rotation', 'suspended', 'invalid'] as const),
          ...(['credits', 'daily_cap', 'private', 'model', 'tried', 'probing', 'breaker'] as const),
        ])
        .nullable(),
    }),
  ),
  considered: count,
  chosen: z.string().nullable(),
  reason: z.enum(['own', 'affinity', 'score', 'only', 'probe']).nullable(),
});
const period = z.object({ day: z.string(), month: z.string() });
const refusal = z.discriminatedUnion('code', [
  z.object({
    ok: z.literal(false),
    code: z.literal('quota_exceeded'),
    quota: z.enum(['daily', 'monthly']),
    limit: count,
    used: count,
    resetAt: time,
    retryAfterMs: time,
  }),
  z.object({ ok: z.literal(false), code: z.literal('key_rate_limited'), limit: count, retryAfterMs: time }),
  z.object({
    ok: z.literal(false),
    code: z.enum(['pool_exhausted', 'no_token_available', 'upstream_overloaded']),
    retryAfterMs: time,
    decision,
  }),
]);
const admitted = z.object({
  ok: z.literal(true),
  tokenId: z.string(),
  provider: z.string(),
  model: z.string(),
  decision,
  period,
  position: z.number(),
});
const change = {
  cooled: z.object({ until: time, reason: z.enum(['failures', 'risk']) }).nullable(),
  suspend: z.boolean(),
  consecutiveFails: count,
};
const settled = z.object({ ...change, counted: z.boolean(), others: z.array(z.object({ tokenId: z.string(), ...change })) });
const finished = z.object({
  warned: z.array(z.object({ quota: z.enum(['daily', 'monthly']), limit: count, used: count, resetAt: time })),
});
const digits = z.string().regex(/^\d+$/).transform(Number);
const tokenFigures = z.tuple([digits, digits, digits, digits, z.string(), digits, digits]);
const userFigures = z.tuple([z.string(), count, z.string(), count]);
const facts = z.object({ endpoint: z.string(), model: z.string(), stream: z.boolean(), startedAt: z.number() });
const openHash = z.object({
  requestId: z.string(),
  terminalEventId: z.string(),
  attemptId: z.string(),
  attempt: digits,
  tokenId: z.string(),
  userId: z.string(),
  keyId: z.string(),
  day: z.string(),
  month: z.string(),
  metered: z.enum(['0', '1']),
  facts: z.string().transform((text) => facts.parse(JSON.parse(text))),
});

const json = (reply: RedisReply): unknown => JSON.parse(z.string().parse(reply));

export const readRefusal = (reply: RedisReply): Refusal | null => (reply === null ? null : refusal.parse(json(reply)));
export const readAnswer = (reply: RedisReply): Admitted | Refusal => {
  const answer = json(reply);
  return z.object({ ok: z.boolean() }).parse(answer).ok ? admitted.parse(answer) : refusal.parse(answer);
};
export const readSettled = (reply: RedisReply): Settled => settled.parse(json(reply));
export const readFinished = (reply: RedisReply): Finished => finished.parse(json(reply));
export const readCount = (reply: RedisReply): number => count.parse(reply);
export const readNames = (reply: RedisReply): readonly string[] => z.array(z.string()).parse(reply);
export const readCursor = (reply: RedisReply): string => z.string().regex(/^\d+$/).parse(reply);

const AT_REST = { rpm: 0, rph: 0, concurrency: 0, consecutiveFails: 0, cooldownUntil: null, failureRate: 0 } as const;

export function readTokenUse(tokenId: string, reply: RedisReply | undefined): TokenUse {
  if (reply === '') return { tokenId, ...AT_REST };
  const [rpm, rph, concurrency, consecutiveFails, rest, attempts, failures] = tokenFigures.parse(reply);
  const cooldownUntil = rest === '' ? null : Number(rest);
  return { tokenId, rpm, rph, concurrency, consecutiveFails, cooldownUntil, failureRate: attempts === 0 ? 0 : failures / attempts };
}

export function readUserUse(reply: RedisReply): { day: string; dayUsed: number; month: string; monthUsed: number } {
  const [day, dayUsed, month, monthUsed] = userFigures.parse(reply);
  return { day, dayUsed, month, monthUsed };
}

/** Undefined: not a whole record. */
export function readOpenRecord(reply: RedisReply): OpenRecord | undefined {
  const list = z.array(z.string()).safeParse(reply).data ?? [];
  const fields = Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]]] : [])));
  try {
    const { day, month, metered, ...record } = openHash.parse(fields);
    return { ...record, period: { day, month }, metered: metered === '1' };
  } catch {
    return undefined;
  }
}
