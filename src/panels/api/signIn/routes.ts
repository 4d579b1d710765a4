/** The way to a provider and back. Whatever goes wrong lands on the sign-in page with a code, never on an error in JSON. */
import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { z } from 'zod';
import { identityOf } from '../../../commands/user/identities.js';
import { email as emailSchema } from '../../../commands/user/passwords.js';
import { signInByProvider } from '../../../commands/user/signInByProvider.js';
import { AppError } from '../../../errors.js';
import { visibleText } from '../../../shared/safeText.js';
import { member } from '../access.js';
import { type ApiReply, type ApiRequest, defineRoute } from '../define.js';
import type { PanelContext } from '../deps.js';
import { flag } from '../fields.js';
import type { Flow } from './flow.js';
import type { Person, Provider } from './provider.js';

type ProviderId = Flow['provider'];
type Request = Pick<ApiRequest<'public'>, 'address' | 'http' | 'requestId'>;

const callbackPath = (provider: ProviderId): string => `/auth/${provider}/callback`;

/** Told on the sign-in page; the browser's address is the only place for it. */
const failed = (code: string): ApiReply => ({ status: 302, redirect: `/login?error=${code}`, flow: null });

/** 404 while the provider is not set up. */
function providerOf(id: ProviderId, { providers }: PanelContext): Provider {
  const provider = providers[id];
  if (!provider) throw new AppError('not_found');
  return provider;
}

async function linkOf(wanted: boolean, request: Request, context: PanelContext): Promise<Flow['link']> {
  if (!wanted) return null;
  const caller = await member(request.http, context);
  const user = caller && context.directory.user(caller.userId);
  if (!user) throw new AppError('unauthenticated');
  return { userId: user.id, sessionVersion: user.sessionVersion };
}

async function start(id: ProviderId, request: Request, wantsLink: boolean, context: PanelContext): Promise<ApiReply> {
  const provider = providerOf(id, context);
  await context.throttles.signIn.attempt(request.address);
  const link = await linkOf(wantsLink, request, context);
  const trip = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
  try {
    const target = await provider.start(trip, context.publicOrigin(request.http) + callbackPath(id));
    return { redirect: target.href, flow: context.flows.seal({ provider: id, ...trip, link }) };
  } catch (error) {
    // Nothing has come back yet that could be wrong.
    return {
      ...refuse(error, id, request, context),
      redirect: `/login?error=${error instanceof AppError ? error.code : 'provider_unavailable'}`,
    };
  }
}

/** `query` as the provider sent it; a parameter that comes twice is nothing we asked for. */
function returnedUrl(id: ProviderId, query: Readonly<Record<string, unknown>>, request: Request, context: PanelContext): URL {
  const url = new URL(context.publicOrigin(request.http) + callbackPath(id));
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string') throw new AppError('invalid_request', { param: name });
    url.searchParams.append(name, value);
  }
  return url;
}

async function finish(
  id: ProviderId,
  request: Request,
  query: Readonly<Record<string, unknown>>,
  cookie: string | undefined,
  context: PanelContext,
): Promise<ApiReply> {
  const provider = providerOf(id, context);
  await context.throttles.signIn.attempt(request.address);
  const flow = context.flows.open(cookie);
  if (flow === undefined || flow.provider !== id) return failed('sign_in_expired');
  try {
    const person = await provider.finish(flow, returnedUrl(id, query, request, context));
    return await enter(person, flow, request, context);
  } catch (error) {
    return refuse(error, id, request, context);
  }
}

async function enter(person: Person, flow: Flow, request: Request, { commands, sessions }: PanelContext): Promise<ApiReply> {
  const email = emailSchema.safeParse(person.email).data ?? null;
  const username = visibleText(person.username, 80) || 'member';
  const identity = identityOf(flow.provider, person.issuer, person.subject);
  const input = { provider: flow.provider, identity, email, username, link: flow.link };
  const { userId, sessionVersion } = await commands.execute(signInByProvider, input, { actor: 'system', correlationId: request.requestId });
  // Who links is signed in already.
  const session =
    flow.link === null ? { session: { audience: 'user', set: sessions.user.issue(userId, sessionVersion).cookie } as const } : {};
  return { landing: '/panel', flow: null, ...session };
}

/** What the provider and its library say may hold codes and tokens: the log gets the kind of fault alone. */
function refuse(error: unknown, provider: ProviderId, { requestId }: Request, { logger }: PanelContext): ApiReply {
  const code = codeOf(error);
  const kind = error instanceof Error ? { name: error.name, fault: (error as { code?: unknown }).code } : {};
  if (!(error instanceof AppError) || error.status >= 500)
    logger.warn({ provider, requestId, code, ...kind }, 'a sign-in by a provider failed');
  return failed(code);
}

function codeOf(error: unknown): string {
  if (error instanceof AppError) {
    if (error.code === 'conflict') return error.param === 'email' ? 'account_exists' : 'identity_taken';
    return error.code;
  }
  if (error instanceof AuthorizationResponseError) return error.error === 'access_denied' ? 'sign_in_cancelled' : 'sign_in_failed';
  if (error instanceof ResponseBodyError || error instanceof z.ZodError) return 'sign_in_failed';
  // The library's own checks (state, nonce, signature, expiry) carry a code; time-outs and broken connections are the provider's.
  if (error instanceof ClientError) return error.code === 'OAUTH_TIMEOUT' ? 'provider_unavailable' : 'sign_in_failed';
  return error instanceof TypeError ? 'provider_unavailable' : 'sign_in_failed';
}

function routesOf<const Id extends ProviderId>(id: Id, name: string) {
  return [
    defineRoute({
      method: 'get',
      path: `/auth/${id}`,
      access: 'public',
      summary: `Sign in by ${name}: sends the browser there. \`link=true\` adds this way in to the account that is signed in.`,
      status: 302,
      html: true,
      query: z.strictObject({ link: flag.optional() }),
      handle: (request, context) => start(id, request, request.query.link === true, context),
    }),
    defineRoute({
      method: 'get',
      path: `/auth/${id}/callback`,
      access: 'public',
      summary: `Where ${name} sends the browser back to; ends on the panel, or on the sign-in page with \`error\`.`,
      status: 200,
      html: true,
      // Providers put more behind the address than what we asked for.
      query: z.looseObject({}),
      handle: (request, context) => finish(id, request, request.query, request.flow, context),
    }),
  ];
}

export const signInRoutes = [...routesOf('github', 'GitHub'), ...routesOf('oidc', 'the OIDC issuer')];
