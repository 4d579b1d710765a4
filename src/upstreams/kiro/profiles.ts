/** Finds the profile ARN of an IAM Identity Center credential: asked once per process, remembered per credential (kiro-protocol B4). */
import { UpstreamFailure } from '../define.js';
import type { BoundedMap } from './boundedMap.js';
import type { KiroSecret } from './credentials.js';
import { readRefusal, refusalFailure } from './failures.js';
import { apiHeaders } from './headers.js';
import { apiOrigin, arnRegion, discoveryRegions, managementOrigin, type Origins } from './routes.js';
import { askText, neverSent, type TextAnswer, type Wire } from './wire.js';

export interface ProfileDeps {
  readonly wire: Wire;
  readonly origins: Origins;
  readonly identity: string;
  /** ARNs found, by the credential's id. */
  readonly found: BoundedMap<string>;
  readonly now: () => number;
}

/**
 * The ARN, or undefined when the account lists none. Throws UpstreamFailure when the service could not be asked;
 * a 403 means that this kind of account has no profiles.
 */
export async function discoverProfile(
  deps: ProfileDeps,
  call: { readonly secret: KiroSecret; readonly accessToken: string; readonly invocationId: string; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const known = deps.found.get(call.secret.id);
  if (known !== undefined) return known;
  let trouble: UpstreamFailure | undefined;
  for (const origin of profileOrigins(deps.origins, call.secret.region)) {
    try {
      const arn = firstArn(await ask(deps, origin, call));
      if (arn === undefined) continue;
      deps.found.set(call.secret.id, arn);
      return arn;
    } catch (error) {
      if (!(error instanceof UpstreamFailure) || error.kind === 'aborted' || error.kind === 'auth' || error.kind === 'suspended')
        throw error;
      trouble ??= error;
    }
  }
  if (trouble && trouble.kind !== 'routing' && trouble.kind !== 'client' && !neverSent(trouble)) throw trouble;
  return undefined;
}

/** Management hosts region by region, then the older q hosts; one origin once. */
function profileOrigins(origins: Origins, authRegion: string): ReadonlySet<string> {
  const regions = discoveryRegions(authRegion);
  return new Set([
    ...regions.map((region) => managementOrigin(origins, region)),
    ...regions.map((region) => apiOrigin(origins, 'q', region)),
  ]);
}

async function ask(
  deps: ProfileDeps,
  origin: string,
  call: { readonly accessToken: string; readonly invocationId: string; readonly signal: AbortSignal },
): Promise<TextAnswer> {
  const answer = await askText(deps.wire, {
    origin,
    path: '/',
    method: 'POST',
    headers: {
      ...apiHeaders({ identity: deps.identity, accessToken: call.accessToken, invocationId: call.invocationId, attempt: 1 }),
      'content-type': 'application/x-amz-json-1.0',
      accept: 'application/json',
      'x-amz-target': 'AmazonCodeWhispererService.ListAvailableProfiles',
    },
    body: '{"maxResults":10}',
    signal: call.signal,
    timeoutMs: 15_000,
  });
  if (answer.status === 200) return answer;
  throw refusalFailure(readRefusal(answer.status, answer.text, answer.headers, deps.now()), [call.accessToken]);
}

function firstArn(answer: TextAnswer): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer.text);
  } catch {
    return undefined;
  }
  const profiles = typeof parsed === 'object' && parsed !== null && 'profiles' in parsed ? parsed.profiles : undefined;
  if (!Array.isArray(profiles)) return undefined;
  for (const profile of profiles) {
    const arn: unknown = typeof profile === 'object' && profile !== null && 'arn' in profile ? profile.arn : undefined;
    if (typeof arn === 'string' && arnRegion(arn) !== null) return arn;
  }
  return undefined;
}
