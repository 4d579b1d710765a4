/** Reads a credential's plan and credits; never spends a completion (kiro-protocol B8). */
import type { Clock } from '../../shared/clock.js';
import type { Ids } from '../../shared/ids.js';
import { type AccessToken, type CredentialCheck, UpstreamFailure } from '../define.js';
import type { BoundedMap } from './boundedMap.js';
import { type KiroSecret, parseExpiry } from './credentials.js';
import { readRefusal, refusalFailure, routeFault } from './failures.js';
import { apiHeaders } from './headers.js';
import { discoverProfile } from './profiles.js';
import { apiOrigin, apiRegion, type KiroAuthType, kindRules, managementOrigin, type Origins } from './routes.js';
import { askText, neverSent, type Wire } from './wire.js';

export interface CheckDeps {
  readonly wire: Wire;
  readonly origins: Origins;
  readonly identity: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly profiles: BoundedMap<string>;
}

const checkTimeoutMs = 30_000;
/** Usage is served in these two regions only. */
const usageRegions = new Set(['us-east-1', 'eu-central-1']);

/** Throws UpstreamFailure with the kinds of B9, so that a suspended account shows here too. */
export async function checkKiro(
  deps: CheckDeps,
  authType: KiroAuthType,
  secret: KiroSecret,
  access: AccessToken,
  signal: AbortSignal,
): Promise<CredentialCheck> {
  const invocationId = deps.ids.uuid();
  let arn = access.facts.profileArn ?? secret.profileArn;
  if (arn === undefined && kindRules[authType].discoverProfile) {
    const profileDeps = { wire: deps.wire, origins: deps.origins, identity: deps.identity, found: deps.profiles, now: deps.clock.now };
    arn = await discoverProfile(profileDeps, { secret, accessToken: access.value, invocationId, signal });
  }
  const region = apiRegion(secret, arn);
  const served = usageRegions.has(region) ? region : 'us-east-1';
  const origins = [...new Set([managementOrigin(deps.origins, served), apiOrigin(deps.origins, 'q', served)])];
  // With the ARN on both hosts, then once without: some accounts are refused with theirs (B4).
  const tries = [
    ...origins.map((origin) => ({ origin, arn })),
    ...(arn === undefined ? [] : origins.slice(0, 1).map((origin) => ({ origin, arn: undefined }))),
  ];
  let trouble: UpstreamFailure | undefined;
  for (const { origin, arn: with_ } of tries) {
    const outcome = await ask(deps, origin, with_, access, invocationId, signal, secret);
    if (!(outcome instanceof UpstreamFailure)) return outcome;
    trouble ??= outcome;
    if (outcome.kind !== 'routing' && outcome.kind !== 'client' && !neverSent(outcome)) break;
  }
  throw trouble ?? new UpstreamFailure({ kind: 'routing', message: 'No host serves the usage of this credential.' });
}

async function ask(
  deps: CheckDeps,
  origin: string,
  arn: string | undefined,
  access: AccessToken,
  invocationId: string,
  signal: AbortSignal,
  secret: KiroSecret,
): Promise<CredentialCheck | UpstreamFailure> {
  const query = new URLSearchParams({ origin: 'AI_EDITOR', resourceType: 'AGENTIC_REQUEST', isEmailRequired: 'true' });
  if (arn !== undefined) query.set('profileArn', arn);
  try {
    const answer = await askText(deps.wire, {
      origin,
      path: `/getUsageLimits?${query.toString()}`,
      method: 'GET',
      headers: {
        ...apiHeaders({ identity: deps.identity, accessToken: access.value, invocationId, attempt: 1 }),
        ...(arn === undefined ? {} : { 'x-amzn-kiro-profile-arn': arn }),
        accept: 'application/json',
      },
      signal,
      timeoutMs: checkTimeoutMs,
    });
    if (answer.status === 200) return readUsage(answer.text, deps.clock.now());
    const refusal = readRefusal(answer.status, answer.text, answer.headers, deps.clock.now());
    const failure = refusalFailure(refusal, [access.value, secret.refreshToken]);
    return failure.kind === 'auth' && routeFault(refusal) === 'endpoint'
      ? new UpstreamFailure({ kind: 'routing', message: failure.message, status: answer.status })
      : failure;
  } catch (error) {
    if (error instanceof UpstreamFailure) return error;
    throw error;
  }
}

type Json = Readonly<Record<string, unknown>>;
const object = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});
const amount = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value.slice(0, 200) : null);

function precise(from: Json, name: string): number {
  return amount(from[`${name}WithPrecision`] ?? from[name]);
}

const isActive = (status: unknown): boolean => typeof status === 'string' && status.toUpperCase() === 'ACTIVE';

/** Base allowance plus what an active trial and active bonuses add. */
export function readUsage(body: string, nowMs: number): CredentialCheck {
  let usage: Json;
  try {
    usage = object(JSON.parse(body));
  } catch (error) {
    throw new UpstreamFailure({ kind: 'protocol', message: 'The usage answer is not JSON.', status: 200, cause: error });
  }
  const breakdown = Array.isArray(usage.usageBreakdownList) ? usage.usageBreakdownList.map(object) : [];
  const credits = breakdown.find((row) => row.resourceType === 'CREDIT') ?? breakdown[0];
  let used: number | null = null;
  let limit: number | null = null;
  if (credits) {
    const trial = object(credits.freeTrialInfo);
    const bonuses = Array.isArray(credits.bonuses) ? credits.bonuses.map(object) : [];
    const extras = [
      ...(isActive(trial.freeTrialStatus) ? [trial] : []),
      ...bonuses.filter((bonus) =>
        bonus.status === undefined ? (parseExpiry(bonus.expiresAt) ?? nowMs + 1) > nowMs : isActive(bonus.status),
      ),
    ];
    used = [credits, ...extras].reduce((sum, part) => sum + precise(part, 'currentUsage'), 0);
    limit = [credits, ...extras].reduce((sum, part) => sum + precise(part, 'usageLimit'), 0);
  }
  return {
    plan: text(object(usage.subscriptionInfo).subscriptionTitle),
    creditsUsed: used,
    creditsLimit: limit,
    resetAt: parseExpiry(usage.nextDateReset ?? credits?.nextDateReset),
    email: text(object(usage.userInfo).email),
  };
}
