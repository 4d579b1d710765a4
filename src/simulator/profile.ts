/** Which profile ARN and host form each credential kind must use, and how a wrong one is refused (kiro-protocol B3, B4, B9). */
import { builderPlaceholderArn, type Credential, sharedSocialArn } from './credentials.js';
import { bearerInvalid, bodyInvalid, improper, notAuthorized, profileInvalid, profileRequired } from './refusals.js';

/** `q`: the older amazonaws.com hosts · `kiro`: the kiro.dev hosts. */
export type HostFamily = 'q' | 'kiro';

export interface Route {
  readonly family: HostFamily;
  /** Region in the host name; null when the host is an address, as behind the product's origin overrides. */
  readonly region: string | null;
  readonly path: 'ide' | 'root';
}

/** Reads a Host header such as `runtime.us-east-1.kiro.dev` or `q.eu-central-1.localhost:9000`. By an address the path decides the family. */
export function readRoute(host: string | undefined, path: 'ide' | 'root'): Route {
  const [, service, region = null] = /^(q|codewhisperer|runtime|management)\.([a-z]{2}(?:-[a-z]+)+-\d)\./.exec(host ?? '') ?? [];
  const byPath = path === 'ide' ? 'q' : 'kiro';
  const family = service === undefined ? byPath : service === 'q' || service === 'codewhisperer' ? 'q' : 'kiro';
  return { family, region, path };
}

const arnShape = /^arn:aws[a-z-]*:codewhisperer:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:profile\/[A-Z0-9]{12}$/;

function accepted(credential: Credential): readonly (string | null)[] {
  switch (credential.kind) {
    case 'social':
      return [credential.profileArn, ...(credential.apiRegion === 'us-east-1' ? [sharedSocialArn] : [])];
    case 'idc':
      return [credential.profileArn];
    case 'builder_id':
      return [builderPlaceholderArn];
  }
}

/** An ARN that is not this account's: malformed, of another region, or foreign. */
function checkArn(credential: Credential, arn: string): void {
  const region = arnShape.exec(arn)?.[1];
  if (region === undefined) throw profileInvalid();
  if (accepted(credential).includes(arn)) return;
  if (credential.kind !== 'builder_id' && region !== credential.apiRegion) throw improper('profile.region', 'profileArn');
  throw notAuthorized('profile.foreign');
}

function checkRegion(credential: Credential, route: Route): void {
  if (route.region !== null && route.region !== credential.apiRegion) throw bearerInvalid('route.region');
}

/** For a completion. Throws Refusal. */
export function checkInferenceProfile(credential: Credential, arn: string | null, route: Route, modelNeedsProfile: boolean): void {
  checkRegion(credential, route);
  // The branded path refuses bodies that the root takes (reports of late 2026).
  if (route.family === 'kiro' && route.path === 'ide') throw bodyInvalid('Improperly formed request.', 'route.brandedPath', '');
  const mayOmit = credential.kind === 'builder_id' && route.family === 'q' && !modelNeedsProfile;
  if (arn === null) {
    if (mayOmit) return;
    throw profileRequired();
  }
  checkArn(credential, arn);
  if (credential.kind === 'builder_id' && route.family === 'q') throw notAuthorized('profile.builderOnQ');
}

/** For model lists and usage: IdC needs its ARN, Builder ID must send none, social may. Throws Refusal. */
export function checkManagementProfile(credential: Credential, arn: string | null, route: Route): void {
  checkRegion(credential, route);
  if (arn === null) {
    if (credential.kind === 'idc') throw profileRequired();
    return;
  }
  checkArn(credential, arn);
  if (credential.kind === 'builder_id') throw notAuthorized('profile.builderManagement');
}
