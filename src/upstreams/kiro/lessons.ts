/** What a refusal teaches about how to send the same request better on the same credential (kiro-protocol B3, B4, B9). */
import { classify, type Refusal, routeFault } from './failures.js';
import type { RouteMemory } from './routeMemory.js';
import type { Route } from './routes.js';

/** Lessons of one request, kept by the caller from attempt to attempt. */
type Lessons = Set<string>;

const withoutReasoning = 'kiro: without reasoning';
const profileSwitched = (credential: string): string => `kiro: other profile on ${credential}`;
const passedOver = (credential: string, route: string): string => `kiro: not by ${route} on ${credential}`;

/** May thoughts of the history go along? */
export const sendsReasoning = (lessons: Lessons): boolean => !lessons.has(withoutReasoning);

/** The routes that this request has not been refused on. */
export const openRoutes = (routes: readonly Route[], credential: string, lessons: Lessons): readonly Route[] =>
  routes.filter(({ name }) => !lessons.has(passedOver(credential, name)));

const address = (route: Route): string => `${route.origin}${route.path}`;

/** Routes to other addresses. */
export const elsewhere = (routes: readonly Route[], failed: Route): readonly Route[] =>
  routes.filter((route) => address(route) !== address(failed));

/**
 * Writes down what the refusal says about the way it was sent: thoughts are left out once, the profile's form changes
 * once, a refused endpoint is passed over. Answers whether another send on the same credential is worth it.
 */
export function learn(
  refusal: Refusal,
  sent: { readonly credential: string; readonly route: Route; readonly routes: readonly Route[] },
  lessons: Lessons,
  memory: RouteMemory,
): boolean {
  const kind = classify(refusal);
  if (kind === 'client') return learnReasoning(refusal, lessons);
  const fault = kind === 'routing' || kind === 'auth' ? routeFault(refusal) : null;
  if (fault === null) return false;
  const { credential, route, routes } = sent;
  // A profile fault rules out the ARN form, an endpoint fault the address.
  const rest = fault === 'profile' ? routes.filter(({ arnForm }) => arnForm !== route.arnForm) : elsewhere(routes, route);
  const dropped = routes.filter((one) => !rest.includes(one)).map(({ name }) => name);
  for (const name of dropped) lessons.add(passedOver(credential, name));
  memory.refused(credential, dropped);
  const again = fault === 'profile' && lessons.has(profileSwitched(credential));
  if (fault === 'profile') lessons.add(profileSwitched(credential));
  return !again && rest.some(({ name }) => !memory.isRefused(credential, name));
}

function learnReasoning(refusal: Refusal, lessons: Lessons): boolean {
  if (!sendsReasoning(lessons) || !/thinking_signature_invalid/i.test(`${refusal.reason ?? ''} ${refusal.message}`)) return false;
  lessons.add(withoutReasoning);
  return true;
}
