/** Shapes that the traffic events of a request share. Times are ms since epoch, durations µs, credits millionths: integers, so that sums do not depend on order. */
import { z } from 'zod';

const count = z.int().nonnegative();

export const usageSchema = z.object({
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWriteTokens: count,
  /** Estimated by us, or metered by the upstream. */
  estimated: z.boolean(),
  /** Credits the upstream metered, in millionths; null when it said nothing. */
  microCredits: count.nullable(),
});

export const attemptSchema = z.object({
  attemptId: z.uuid(),
  tokenId: z.string(),
  provider: z.string(),
  startedAt: count,
  /** When response headers came or the send failed; null: nothing was sent. The windows count from here. */
  respondedAt: count.nullable(),
  durationUs: count,
  outcome: z.enum(['success', 'failed', 'aborted']),
  /** FailureKind of the upstream, or null. */
  failure: z.string().nullable(),
  status: z.int().nullable(),
});

export const decisionSchema = z.object({
  candidates: z.array(z.object({ tokenId: z.string(), score: z.number().min(0).max(1), refused: z.string().nullable() })).max(8),
  considered: count,
  chosen: z.string().nullable(),
  reason: z.string().nullable(),
});

/** What every event of a request tells. */
export const requestFactsSchema = z.object({
  requestId: z.string(),
  userId: z.string(),
  keyId: z.string(),
  endpoint: z.string(),
  /** As the client named it. */
  model: z.string().max(200),
  stream: z.boolean(),
  /** HTTP status the client got, or would have got (499: it left). */
  status: z.int(),
  startedAt: count,
  /** From the request's arrival to the end of the reply. */
  latencyUs: count,
});

/** A terminal event closes an admitted request. */
export const terminalSchema = requestFactsSchema.extend({
  /** Until the first byte of model output went to the client; null: there was none. */
  firstOutputUs: count.nullable(),
  /** UTC periods that the charge belongs to. */
  period: z.object({ day: z.string(), month: z.string() }),
  /** Does it count against the user's quotas (contract §3)? */
  charged: z.boolean(),
  /** false: the operator's own use. */
  metered: z.boolean(),
  /** Token of the last attempt. */
  tokenId: z.string(),
  attempts: z.array(attemptSchema).max(20),
  decision: decisionSchema,
  usage: usageSchema,
});

export const exampleFacts = {
  requestId: '019a5e3c-2f10-7c3e-8f00-1c2d3e4f5a6b',
  userId: 'k3v9x2m7q1w8e4r6',
  keyId: 'p0o9i8u7y6t5r4e3',
  endpoint: '/v1/messages',
  model: 'claude-sonnet-4-5',
  stream: true,
  status: 200,
  startedAt: 1_795_392_000_000,
  latencyUs: 2_345_678,
};

export const exampleTerminal = {
  ...exampleFacts,
  firstOutputUs: 812_345 as number | null,
  period: { day: '2026-11-23', month: '2026-11' },
  charged: true,
  metered: true,
  tokenId: 'a1b2c3d4e5f6g7h8',
  attempts: [
    {
      attemptId: '019a5e3c-2f11-7a3e-8f00-1c2d3e4f5a6b',
      tokenId: 'a1b2c3d4e5f6g7h8',
      provider: 'kiro',
      startedAt: 1_795_392_000_100,
      respondedAt: 1_795_392_000_700 as number | null,
      durationUs: 2_200_000,
      outcome: 'success' as const,
      failure: null,
      status: 200,
    },
  ],
  decision: {
    candidates: [{ tokenId: 'a1b2c3d4e5f6g7h8', score: 0.91, refused: null }],
    considered: 1,
    chosen: 'a1b2c3d4e5f6g7h8' as string | null,
    reason: 'score' as string | null,
  },
  usage: { inputTokens: 1200, outputTokens: 240, cacheReadTokens: 0, cacheWriteTokens: 0, estimated: true, microCredits: 31_000 },
};
