/** Profiles, models and usage: what the service tells about an account (kiro-protocol B4, B8). */
import type { Credential } from '../credentials.js';
import { models, type SimModel } from '../models.js';
import { checkManagementProfile, type Route } from '../profile.js';
import { Refusal } from '../refusals.js';

export interface ManagementQuery {
  readonly profileArn: string | null;
  readonly maxResults: number | null;
  readonly nextToken: string | null;
}

/** `{profiles}`; empty at another region's host. Throws Refusal for Builder ID. */
export function listProfiles(credential: Credential, route: Route): Record<string, unknown> {
  if (credential.kind === 'builder_id') {
    throw new Refusal({
      status: 403,
      message: 'This operation is not supported for this authentication type.',
      type: 'AccessDeniedException',
      rule: 'profiles.builder',
    });
  }
  const here = route.region === null || route.region === credential.apiRegion;
  return { profiles: here ? [{ arn: credential.profileArn, profileName: `${credential.id} profile` }] : [] };
}

function describeModel(model: SimModel): Record<string, unknown> {
  return {
    modelId: model.id,
    modelName: model.id,
    description: `Simulated ${model.id}`,
    rateMultiplier: model.rateMultiplier,
    rateUnit: 'credit',
    supportedInputTypes: model.images ? ['TEXT', 'IMAGE'] : ['TEXT'],
    promptCaching: { supportsPromptCaching: model.promptCache },
    supportsPromptCache: model.promptCache,
    tokenLimits: { maxInputTokens: model.maxInputTokens, maxOutputTokens: model.maxOutputTokens },
  };
}

/** One page of the models this plan may use. Throws Refusal. */
export function listModels(credential: Credential, route: Route, query: ManagementQuery): Record<string, unknown> {
  checkManagementProfile(credential, query.profileArn, route);
  const offered = models.filter((model) => credential.plan !== 'free' || !model.paidOnly).map(describeModel);
  const first = Number(/^page-(\d{1,6})$/.exec(query.nextToken ?? '')?.[1] ?? 0);
  const end = first + Math.max(1, query.maxResults ?? 50);
  const rest = end < offered.length ? { nextToken: `page-${end}` } : {};
  return { models: offered.slice(first, end), defaultModel: { modelId: 'auto' }, ...rest };
}

/** Plan, credits and reset. Throws Refusal. */
export function usageLimits(credential: Credential, route: Route, query: ManagementQuery): Record<string, unknown> {
  checkManagementProfile(credential, query.profileArn, route);
  const { creditsUsed, creditsLimit, resetAt, plan, email, userId } = credential;
  return {
    usageBreakdownList: [
      {
        resourceType: 'CREDIT',
        unit: 'INVOCATIONS',
        currentUsage: Math.floor(creditsUsed),
        currentUsageWithPrecision: creditsUsed,
        usageLimit: Math.floor(creditsLimit),
        usageLimitWithPrecision: creditsLimit,
        currentOverages: 0,
        overageCap: 0,
        nextDateReset: resetAt / 1_000,
        bonuses: [],
      },
    ],
    subscriptionInfo: { subscriptionTitle: `KIRO ${plan.toUpperCase()}`, type: `Q_DEVELOPER_STANDALONE_${plan.toUpperCase()}` },
    overageConfiguration: { overageStatus: 'DISABLED' },
    nextDateReset: resetAt / 1_000,
    userInfo: { email, userId },
  };
}
