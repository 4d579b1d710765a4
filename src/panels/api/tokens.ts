/** Tokens as admin and member see them: the item with its live figures, and pages of them. */
import { z } from 'zod';
import type { TokenUse } from '../../limits/port.js';
import { riskScore } from '../../limits/risk.js';
import type { DirectoryToken } from '../../projections/directory.js';
import { type TokenHealth, tokenHealthOf } from '../../projections/tokenHealthQueries.js';
import type { PanelContext } from './deps.js';
import { iso, isoOrNull, maybeTime, time } from './fields.js';

const share = z.strictObject({ used: z.number(), limit: z.number() });

export const tokenStatus = z.enum(['active', 'cooling', 'suspended', 'invalid']);

export const tokenItem = z.strictObject({
  id: z.string(),
  name: z.string().nullable(),
  provider: z.string(),
  authType: z.string(),
  region: z.string().nullable(),
  /** null: belongs to the site. */
  userId: z.string().nullable(),
  visibility: z.enum(['public', 'private']),
  status: tokenStatus,
  statusReason: z.enum(['failures', 'upstream', 'admin', 'credits']).nullable(),
  /** Out of credits until then. */
  parkedUntil: maybeTime,
  allowedModels: z.array(z.string()).nullable(),
  dailyCap: z.int().nullable(),
  riskScore: z.number().min(0).max(1),
  highRisk: z.boolean(),
  rpm: share,
  rph: share,
  concurrency: share,
  consecutiveFails: z.int(),
  cooldownUntil: maybeTime,
  /** What the upstream or an admin said when it stopped. */
  statusMessage: z.string().nullable(),
  /** Of the last 100 attempts within 24 h that count; 1 while there is none: `attempts` tells a token of which nothing is known. */
  successRate: z.number().min(0).max(1),
  /** Successes, and failures that are the token's: others count for neither. In all, not only of the last day. */
  attempts: z.int(),
  lastUsedAt: maybeTime,
  createdAt: time,
  plan: z.string().nullable(),
  creditsUsed: z.number().nullable(),
  creditsLimit: z.number().nullable(),
  lastCheck: z.strictObject({ at: time, ok: z.boolean(), failure: z.string().nullable(), message: z.string().nullable() }).nullable(),
});
export type TokenItem = z.input<typeof tokenItem>;

type ViewContext = Pick<PanelContext, 'clock' | 'db' | 'directory' | 'limits' | 'riskThreshold'>;

/** Items in the order given; rates come live from the limits, use and checks from the read models. */
export async function tokenItems(tokens: readonly DirectoryToken[], context: ViewContext): Promise<TokenItem[]> {
  if (tokens.length === 0) return [];
  const ids = tokens.map((token) => token.id);
  const [uses, health] = await Promise.all([context.limits.tokenUse(ids), tokenHealthOf(context.db, ids)]);
  const useOf = new Map(uses.map((use) => [use.tokenId, use]));
  return tokens.map((token) => toItem(token, useOf.get(token.id), health.get(token.id), context));
}

function toItem(token: DirectoryToken, use: TokenUse | undefined, health: TokenHealth | undefined, context: ViewContext): TokenItem {
  const settings = context.directory.settings();
  const now = context.clock.now();
  const cooldownUntil = use?.cooldownUntil != null && use.cooldownUntil > now ? use.cooldownUntil : null;
  const risk = riskOf(use, context);
  return {
    id: token.id,
    name: token.name,
    provider: token.provider,
    authType: token.authType,
    region: token.region,
    userId: token.ownerId,
    visibility: token.visibility,
    ...standing(token, cooldownUntil, now),
    statusMessage: token.statusMessage,
    parkedUntil: isoOrNull(token.parkedUntil),
    allowedModels: token.allowedModels === null ? null : [...token.allowedModels],
    dailyCap: token.dailyCap,
    riskScore: risk,
    highRisk: risk > context.riskThreshold,
    rpm: { used: use?.rpm ?? 0, limit: settings.token_rpm_limit },
    rph: { used: use?.rph ?? 0, limit: settings.token_rph_limit },
    concurrency: { used: use?.concurrency ?? 0, limit: settings.token_max_concurrent },
    consecutiveFails: use?.consecutiveFails ?? 0,
    cooldownUntil: isoOrNull(cooldownUntil),
    successRate: 1 - (use?.failureRate ?? 0),
    attempts: health ? health.successes + health.failures : 0,
    lastUsedAt: isoOrNull(health?.lastUsedAt),
    createdAt: iso(token.createdAt),
    plan: health?.plan ?? null,
    creditsUsed: health?.creditsUsed ?? null,
    creditsLimit: health?.creditsLimit ?? null,
    lastCheck: health?.check ? { ...health.check, at: iso(health.check.at) } : null,
  };
}

/** Credits that came back end the suspension by themselves; cooling is a state of the limits, not of the directory. */
export function standing(token: DirectoryToken, cooldownUntil: number | null, now: number): Pick<TokenItem, 'status' | 'statusReason'> {
  const creditsBack = token.statusReason === 'credits' && token.parkedUntil !== null && token.parkedUntil <= now;
  if (token.status !== 'active' && !creditsBack) return { status: token.status, statusReason: token.statusReason };
  return { status: cooldownUntil === null ? 'active' : 'cooling', statusReason: null };
}

export function riskOf(use: TokenUse | undefined, { directory }: Pick<PanelContext, 'directory'>): number {
  if (!use) return 0;
  const { token_rpm_limit, token_rph_limit } = directory.settings();
  return riskScore({ ...use, rpmLimit: token_rpm_limit, rphLimit: token_rph_limit });
}
