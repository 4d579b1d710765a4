/** What happened to the limits while they live in the database, in the order it was decided: outcomes, which every node applies alike. */
import { z } from 'zod';
import type { AdmitRequest, AttemptOutcome, LimitSettings, PoolToken, RestoredState, TokenHistory } from '../port.js';
import { attemptEntrySchema, requestEntrySchema, wireSchemas } from '../transfer.js';

const { settings, poolToken } = wireSchemas;
const quota = z.object({ daily: z.number(), monthly: z.number() });
const admitRequest: z.ZodType<AdmitRequest> = z.object({
  attemptId: z.string(),
  requestId: z.string(),
  terminalEventId: z.string(),
  attempt: z.int(),
  userId: z.string(),
  keyId: z.string(),
  quota: quota.nullable(),
  keyRpm: z.number().nullable(),
  targets: z.array(z.object({ provider: z.string(), model: z.string() })),
  onlyTokenId: z.string().nullable(),
  ownOnly: z.boolean(),
  exclude: z.array(z.string()),
  affinity: z.string().nullable(),
  facts: z.object({ endpoint: z.string(), model: z.string(), stream: z.boolean(), startedAt: z.number() }),
});
const outcomes = [
  'success',
  'token_failure',
  'upstream_failure',
  'neutral',
  'risk',
  'capacity',
] as const satisfies readonly AttemptOutcome[];
const history = z
  .object({
    tokenId: z.string(),
    sends: z.array(z.number()),
    results: z.array(z.boolean()),
    consecutiveFails: z.int(),
    cooldownUntil: z.number().nullable(),
    lastUsedAt: z.number().nullable(),
    dayUsed: z.int().optional(),
  })
  .transform(({ dayUsed, ...rest }): TokenHistory => (dayUsed === undefined ? rest : { ...rest, dayUsed }));
const keyHistory = z.object({ keyId: z.string(), times: z.array(z.number()) });
const usage = z.object({ userId: z.string(), day: z.string(), dayUsed: z.int(), month: z.string(), monthUsed: z.int() });

/** The moment it happened, [monotonic, wall]; absent: that of its batch. */
const when = { at: z.tuple([z.number(), z.number()]).optional() };
const opSchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('admit'), ...when, request: admitRequest, tokenId: z.string(), provider: z.string(), model: z.string() }),
  z.object({ op: z.literal('cancel'), ...when, attemptId: z.string() }),
  z.object({ op: z.literal('answered'), ...when, attemptId: z.string(), served: z.boolean() }),
  z.object({
    op: z.literal('settle'),
    ...when,
    attemptId: z.string(),
    outcome: z.enum(outcomes),
    retryAfterMs: z.number().nullable(),
    sent: z.boolean(),
    modelUnsupported: z.boolean(),
  }),
  z.object({ op: z.literal('finish'), ...when, requestId: z.string(), quota: z.enum(['keep', 'return']) }),
  z.object({ op: z.literal('put'), ...when, tokens: z.array(poolToken) }),
  z.object({ op: z.literal('remove'), ...when, tokenId: z.string(), position: z.number() }),
  z.object({ op: z.literal('reset'), ...when, tokenId: z.string() }),
  z.object({ op: z.literal('configure'), ...when, settings }),
  z.object({
    op: z.literal('restore'),
    ...when,
    tokens: z.array(history),
    users: z.array(usage),
    keys: z.array(keyHistory).default([]),
  }),
  /** The run is dead: its calls are over, `to` ends its requests. */
  z.object({ op: z.literal('sweep'), ...when, run: z.string(), to: z.string() }),
  z.object({ op: z.literal('adopt'), ...when, requests: z.array(requestEntrySchema), attempts: z.array(attemptEntrySchema) }),
]);
const batchSchema = z.array(opSchema);

export type LimitsOp = z.output<typeof opSchema>;

export const encodeOps = (ops: readonly LimitsOp[]): string => JSON.stringify(ops);
/** Throws on what is no batch of operations. */
export const decodeOps = (text: string): readonly LimitsOp[] => batchSchema.parse(JSON.parse(text));

export const restoreOp = ({ tokens, users, keys = [] }: RestoredState): LimitsOp => ({
  op: 'restore',
  tokens: [...tokens],
  users: [...users],
  keys: keys.map(({ keyId, times }) => ({ keyId, times: [...times] })),
});
export const putOp = (tokens: readonly PoolToken[]): LimitsOp => ({ op: 'put', tokens: [...tokens] });
export const configureOp = (next: LimitSettings): LimitsOp => ({ op: 'configure', settings: next });
