/** One model call: pick the route, send once, write down what a refusal teaches, stream the reply with back-pressure. */
import { hash } from 'node:crypto';
import type { Clock } from '../../shared/clock.js';
import type { Ids } from '../../shared/ids.js';
import { type CredentialSecret, type GenerateCall, isOutput, type ModelEvent, type ModelEvents, UpstreamFailure } from '../define.js';
import { estimateRequestTokens } from '../tokens.js';
import type { BoundedMap } from './boundedMap.js';
import { type KiroSecret, readAuthType } from './credentials.js';
import { type Refusal, readRefusal, refusalFailure } from './failures.js';
import { createFrameSplitter, type DecodeFrame, type Frame, type FrameSplitter } from './frames.js';
import { apiHeaders } from './headers.js';
import { elsewhere, learn, openRoutes, sendsReasoning } from './lessons.js';
import { modelFacts } from './models.js';
import { discoverProfile } from './profiles.js';
import { type BuiltRequest, buildRequest } from './request/build.js';
import type { RouteMemory } from './routeMemory.js';
import { type KiroAuthType, kindRules, type Origins, type Route, routesFor } from './routes.js';
import { createStreamDecoder, type StreamDecoder } from './stream.js';
import { neverSent, type Wire, type WireResponse } from './wire.js';

export interface GenerateDeps {
  readonly wire: Wire;
  readonly origins: Origins;
  readonly identity: string;
  readonly firstByteTimeoutMs: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly routes: RouteMemory;
  /** Profile ARNs found, by the credential's id. */
  readonly profiles: BoundedMap<string>;
  /** Whose a thinking signature is: digest → account and model. */
  readonly signatures: BoundedMap<string>;
  readonly decodeFrame: DecodeFrame;
  readonly readSecret: (secret: CredentialSecret) => KiroSecret;
  readonly onOddity: (what: string) => void;
}

interface Context {
  readonly deps: GenerateDeps;
  readonly call: GenerateCall;
  readonly authType: KiroAuthType;
  readonly secret: KiroSecret;
  readonly secrets: readonly string[];
  readonly invocationId: string;
}

const digest = (text: string): string => hash('sha256', text, 'base64url');
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** See `Upstream.generate`: one send, whatever comes of it; a better one is the caller's next attempt. */
export async function* generateKiro(deps: GenerateDeps, call: GenerateCall): AsyncGenerator<ModelEvents, void, undefined> {
  const secret = deps.readSecret(call.secret);
  const context: Context = {
    deps,
    call,
    authType: readAuthType(call.authType),
    secret,
    secrets: [call.access.value, secret.refreshToken, secret.clientSecret ?? ''],
    invocationId: uuid.test(call.requestId) ? call.requestId : deps.ids.uuid(),
  };
  const { response, reply } = await open(context);
  try {
    const reader = createReader(context, reply);
    for (let chunks = await response.read(); chunks !== null; chunks = await response.read()) {
      const { events, broken } = reader.read(chunks, response);
      if (events.length > 0) yield events;
      if (broken !== null) throw broken.error;
    }
    const { events, broken } = reader.end();
    if (events.length > 0) yield events;
    if (broken !== null) throw broken.error;
  } finally {
    // Also when the consumer leaves in the middle: the socket ends with the call.
    response.end();
  }
}

/** What reading the reply needs of the request: not its body, which would stay in memory as long as the stream runs. */
type ReplyFacts = Pick<BuiltRequest, 'names' | 'thinkingTags'>;

/**
 * Sends once, by the best route. An address that no connection can be made to was sent nothing, so the next one is
 * taken in its place. Throws UpstreamFailure, with `retry` where another attempt would be sent differently.
 */
async function open(context: Context): Promise<{ readonly response: WireResponse; readonly reply: ReplyFacts }> {
  const { deps, call, secret } = context;
  let routes = await routesOf(context);
  for (;;) {
    const route = routes[0];
    if (!route) throw new UpstreamFailure({ kind: 'routing', message: 'No route to Kiro fits this credential.' });
    const built = build(context, route, sendsReasoning(call.lessons));
    const outcome = await send(context, route, built);
    if ('response' in outcome) {
      deps.routes.worked(secret.id, route.name);
      return { response: outcome.response, reply: { names: built.names, thinkingTags: built.thinkingTags } };
    }
    if ('refusal' in outcome) {
      const { refusal, hint } = outcome;
      const better = learn(refusal, { credential: secret.id, route, routes }, call.lessons, deps.routes);
      throw refusalFailure(refusal, context.secrets, { hint, ...(better && { retry: 'same_token' }) });
    }
    routes = elsewhere(routes, route);
    if (!neverSent(outcome.failure) || routes.length === 0) throw outcome.failure;
  }
}

/** The routes of this credential that may still serve this request, best first; at least one where there is any at all. */
async function routesOf(context: Context): Promise<readonly Route[]> {
  const { deps, call, authType, secret } = context;
  const { needsProfile } = modelFacts(call.model);
  const found = ownArn(context);
  const arn = found instanceof Promise ? await found : found;
  const all = routesFor({ authType, secret, ownArn: arn, needsProfile, origins: deps.origins, memory: deps.routes });
  if (call.lessons.size === 0) return all;
  const open = openRoutes(all, secret.id, call.lessons);
  return open.length > 0 ? open : all;
}

function ownArn(context: Context): string | undefined | Promise<string | undefined> {
  const { deps, call, authType, secret } = context;
  const given = call.access.facts.profileArn ?? secret.profileArn;
  if (given !== undefined || !kindRules[authType].discoverProfile) return given;
  return discoverProfile(
    { wire: deps.wire, origins: deps.origins, identity: deps.identity, found: deps.profiles, now: deps.clock.now },
    { secret, accessToken: call.access.value, invocationId: context.invocationId, signal: call.signal },
  );
}

function build(context: Context, route: Route, reasoning: boolean): BuiltRequest {
  const { call, deps, secret } = context;
  const owner = `${secret.id} ${call.model}`;
  return buildRequest({
    request: call.request,
    model: call.model,
    origin: route.messageOrigin,
    profileArn: route.profileArn,
    account: secret.id,
    // A signature this process has not seen may be another node's; the upstream tells, and then it is left out.
    replays: (signature) => reasoning && (deps.signatures.get(digest(signature)) ?? owner) === owner,
  });
}

type Outcome =
  | { readonly response: WireResponse }
  | { readonly refusal: Refusal; readonly hint: string }
  /** No answer came. */
  | { readonly failure: UpstreamFailure };

async function send(context: Context, route: Route, built: BuiltRequest): Promise<Outcome> {
  const { deps, call } = context;
  const body = JSON.stringify(built.body);
  let response: WireResponse;
  try {
    response = await deps.wire.send({
      origin: route.origin,
      path: route.path,
      method: 'POST',
      headers: {
        ...apiHeaders({
          identity: deps.identity,
          accessToken: call.access.value,
          invocationId: context.invocationId,
          attempt: call.attempt,
        }),
        ...route.headers,
        accept: 'application/vnd.amazon.eventstream',
      },
      body,
      signal: call.signal,
      timeoutMs: deps.firstByteTimeoutMs,
    });
  } catch (error) {
    if (error instanceof UpstreamFailure) return { failure: error };
    throw error;
  }
  call.onHeaders();
  // A 200 may carry a JSON error, so the content type decides before any frame is decoded.
  if (response.status === 200 && !/json|html|xml|text\//.test(response.contentType)) return { response };
  try {
    const status = response.status === 200 ? undefined : response.status;
    const refusal = readRefusal(status, await response.text(), response.headers, deps.clock.now());
    return { refusal, hint: suspicion(body.length, built.tools) };
  } finally {
    response.end();
  }
}

/** The upstream does not say what is wrong with a body; these are the limits that were seen to cause it (B9, B10). */
function suspicion(bytes: number, tools: number): string {
  if (bytes > 1_300_000) return `(The request is ${Math.round(bytes / 1024)} KiB; bodies above about 1.3 million characters are refused.)`;
  return tools > 48 ? `(The request offers ${tools} tools; catalogues above about 48 are often refused.)` : '';
}

interface Read {
  readonly events: ModelEvent[];
  /** What came before it still counts, so it is handed over and not thrown. */
  readonly broken: { readonly error: unknown } | null;
}

interface Reader {
  /** What these chunks complete. */
  read(chunks: readonly Buffer[], response: WireResponse): Read;
  /** The reply's last events. Throws UpstreamFailure `protocol` for a reply that was cut. */
  end(): Read;
}

function createReader(context: Context, reply: ReplyFacts): Reader {
  const { call, deps } = context;
  const frames = createFrameSplitter(deps.decodeFrame);
  const decoder: StreamDecoder = createStreamDecoder({
    originalName: reply.names.original,
    contextWindow: modelFacts(call.model).contextWindow,
    estimateInput: () => estimateRequestTokens(call.request),
    thinkingTags: reply.thinkingTags,
    secrets: context.secrets,
    onOddity: deps.onOddity,
  });
  let first = true;
  let output = false;
  return {
    read(chunks, response) {
      if (first) response.received();
      first = false;
      const read = decode(chunks, frames, decoder);
      for (const event of read.events) {
        output ||= isOutput(event);
        if (event.type === 'thinking_signature') remember(context, event.signature);
        else if (event.type === 'redacted_thinking') remember(context, event.data);
      }
      return read;
    },
    end() {
      if (frames.pending > 0)
        throw new UpstreamFailure({ kind: 'protocol', message: 'The upstream cut the stream in the middle of a frame.' });
      const ending = decoder.end();
      if (output || ending.some(isOutput)) return { events: ending, broken: null };
      const error = new UpstreamFailure({ kind: 'empty', message: 'The upstream sent an empty reply.', status: 200 });
      return { events: ending.filter((event) => event.type !== 'stop'), broken: { error } };
    },
  };
}

/** Pieces of text that came together go on as one: what is done for an event is then done once for a read, not for each of its frames. */
function add(events: ModelEvent[], event: ModelEvent): void {
  const last = events.length > 0 ? events[events.length - 1] : undefined;
  if (event.type === 'text' && last?.type === 'text') events[events.length - 1] = { type: 'text', text: last.text + event.text };
  else events.push(event);
}

function decode(chunks: readonly Buffer[], frames: FrameSplitter, decoder: StreamDecoder): Read {
  const events: ModelEvent[] = [];
  const take = (frame: Frame): void => {
    for (const event of decoder.frame(frame)) add(events, event);
  };
  try {
    for (const chunk of chunks) frames.push(chunk, take);
    return { events, broken: null };
  } catch (error) {
    return { events, broken: { error } };
  }
}

function remember(context: Context, signature: string): void {
  context.deps.signatures.set(digest(signature), `${context.secret.id} ${context.call.model}`);
}
