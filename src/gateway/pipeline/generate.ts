/** One generation request from its first byte to its last: authenticate → parse → peek → pace → admit → forward → settle. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, type ErrorCode } from '../../errors.js';
import { DatabaseError } from '../../infra/database/errors.js';
import { safeText } from '../../shared/safeText.js';
import { estimateRequestTokens } from '../../upstreams/tokens.js';
import type { GatewayDeps } from '../deps.js';
import type { Dialect, ParsedCall, RenderContext } from '../dialects/define.js';
import { ClientLeft, readJson } from '../http.js';
import type { Tally } from '../tally.js';
import { type AdmittedAttempt, admit, admitRequest } from './admit.js';
import { authenticate, knownCaller, recheck } from './authenticate.js';
import type { Caller } from './caller.js';
import { asFailure, clientError } from './failures.js';
import { forward } from './forward.js';
import { current, guard, isCurrent, storageBack } from './guard.js';
import type { InFlight } from './inFlight.js';
import type { KeepAlives } from './keepAlive.js';
import { resolveTargets } from './models.js';
import { refuseOverlong } from './overlong.js';
import { pace, pacingMs } from './pace.js';
import type { QuotaHits } from './quotaHits.js';
import { refusalError } from './refusalError.js';
import type { Refusals } from './refusals.js';
import { sendError, streamReply, wholeReply } from './respond.js';
import type { Run } from './run.js';
import { type Ending, settle } from './settle.js';
import { traceEnded, traceRefused } from './trace.js';

export interface GenerateDeps extends GatewayDeps {
  readonly refusals: Refusals;
  readonly quotaHits: QuotaHits;
  readonly keepAlives: KeepAlives;
  readonly inFlight: InFlight;
  readonly tally: Tally;
  readonly stopped: AbortSignal;
}

/** Never rejects: whatever happens is answered, recorded and, if it is our fault, logged. */
export function generate(
  dialect: Dialect,
  req: IncomingMessage,
  res: ServerResponse,
  requestId: string,
  deps: GenerateDeps,
): Promise<void> {
  const abort = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) abort.abort(new ClientLeft());
  });
  return deps.inFlight.track(abort, handle(dialect, req, res, requestId, abort, deps));
}

async function handle(
  dialect: Dialect,
  req: IncomingMessage,
  res: ServerResponse,
  requestId: string,
  abort: AbortController,
  deps: GenerateDeps,
): Promise<void> {
  const arrival: Arrival = {
    requestId,
    address: deps.clientAddress(req),
    startedAt: deps.clock.now(),
    startedMono: deps.clock.monotonic(),
    caller: null,
    call: null,
  };
  let admitted: Entered;
  try {
    admitted = await enter(dialect, req, arrival, abort, deps);
  } catch (error) {
    refuse(dialect, arrival, refusalOf(error, abort.signal, deps, requestId), res, deps);
    return;
  }
  try {
    await serve(dialect, admitted, res, deps);
  } catch (error) {
    const fault = asAppError(error, deps, requestId);
    sendError(dialect, fault, requestId, res);
    res.destroy();
    count(admitted.run, fault.code, deps);
  }
}

/** A node that stops says so; a client that left is recorded as such, whatever broke by it. */
function refusalOf(error: unknown, signal: AbortSignal, deps: GenerateDeps, requestId: string): AppError {
  if (!signal.aborted) return asAppError(error, deps, requestId);
  return signal.reason instanceof AppError ? signal.reason : new AppError('client_closed', { cause: error });
}

interface Arrival {
  readonly requestId: string;
  readonly address: string;
  readonly startedAt: number;
  readonly startedMono: number;
  caller: Caller | null;
  call: ParsedCall | null;
}

interface Entered {
  readonly run: Run;
  readonly first: AdmittedAttempt;
  readonly context: RenderContext;
}

/** Everything up to admission; charges nothing unless it returns. What may fail on a client's content happens in here. */
async function enter(
  dialect: Dialect,
  req: IncomingMessage,
  arrival: Arrival,
  abort: AbortController,
  deps: GenerateDeps,
): Promise<Entered> {
  await guardKnown(req, arrival, abort.signal, deps);
  const caller = await authenticate(req, deps);
  arrival.caller = caller;
  const call = dialect.parse(await readJson(req, { signal: abort.signal }), req.headers);
  arrival.call = call;
  const run = newRun(dialect, arrival, caller, call, abort, deps);
  refuseOverlong(req, call.request, deps.upstreams);
  const choice = { attempt: 1, exclude: [], onlyTokenId: null };
  const waitMs = pacingMs(deps);
  // Where nothing is waited for, the admission itself refuses as early.
  if (waitMs > 0) {
    const refused = await deps.limits.peek(admitRequest(run, choice, run.requestId));
    if (refused) throw recordQuotaHit(run, refused, deps);
    await pace(waitMs, abort.signal);
  }
  abort.signal.throwIfAborted();
  // The wait may have outlived the key: what was revoked meanwhile must not be admitted.
  if (!isCurrent(deps)) await current(deps, abort.signal);
  guard(arrival.address, deps);
  recheckRun(run, deps);
  const context = contextOf(run);
  const first = await admit(run, choice, deps);
  if (!first.ok) throw recordQuotaHit(run, first, deps);
  return { run, first, context };
}

/** A site that is off, or cannot record, still knows its keys: what it refuses them is told of as theirs. A banned address has none. */
async function guardKnown(req: IncomingMessage, arrival: Arrival, signal: AbortSignal, deps: GenerateDeps): Promise<void> {
  try {
    if (deps.storageUnavailable()) await storageBack(deps, signal);
    if (!isCurrent(deps)) await current(deps, signal);
    guard(arrival.address, deps);
  } catch (error) {
    if (error instanceof AppError && error.code !== 'ip_banned') arrival.caller = knownCaller(req, deps);
    throw error;
  }
}

/** Brings the request up to what the key and its models are now. */
function recheckRun(run: Run, deps: GenerateDeps): void {
  const caller = recheck(run.caller, deps);
  if (caller.allowedModels !== run.caller.allowedModels) run.targets = resolveTargets(run.request.model, caller, deps.upstreams);
  run.caller = caller;
}

function contextOf(run: Run): RenderContext {
  return {
    requestId: run.requestId,
    model: run.request.model,
    inputTokensEstimate: run.call.stream ? estimateRequestTokens(run.request) : 0,
    createdAt: Math.floor(run.startedAt / 1000),
    options: run.call.options,
  };
}

function newRun(dialect: Dialect, arrival: Arrival, caller: Caller, call: ParsedCall, abort: AbortController, deps: GenerateDeps): Run {
  return {
    requestId: arrival.requestId,
    terminalEventId: deps.ids.uuid(),
    endpoint: dialect.endpoint,
    caller,
    call,
    request: call.request,
    targets: resolveTargets(call.request.model, caller, deps.upstreams),
    startedAt: arrival.startedAt,
    startedMono: arrival.startedMono,
    abort,
    attempts: [],
    lessons: new Set(),
    decision: { candidates: [], considered: 0, chosen: null, reason: null },
    period: { day: '', month: '' },
    firstOutputMono: null,
    usage: null,
    microCredits: null,
    outputChars: 0,
    settling: [],
  };
}

type Refused = Parameters<typeof refusalError>[0];

function recordQuotaHit(run: Run, refusal: Refused, deps: GenerateDeps): AppError {
  if (refusal.code === 'quota_exceeded') deps.quotaHits.record(run, refusal);
  return refusalError(refusal);
}

/** Serves an admitted request to its end and settles it. */
async function serve(dialect: Dialect, { run, first, context }: Entered, res: ServerResponse, deps: GenerateDeps): Promise<void> {
  const replyDeps = { keepAlives: deps.keepAlives, monotonic: () => deps.clock.monotonic() };
  const reply = (run.call.stream ? streamReply : wholeReply)(run, dialect, context, res, replyDeps);
  const ending = await deliver(run, first, reply, deps);
  const settled = settle(run, ending, deps).catch((error: unknown) =>
    deps.logger.error({ err: error, requestId: run.requestId }, 'a request could not be settled; its open record stays'),
  );
  if (ending.kind === 'completed') reply.end();
  else if (ending.kind === 'failed') reply.fail(ending.error);
  count(run, codeOf(ending), deps);
  if (deps.tracer) traceEnded(res.req, run, ending, deps);
  await settled;
}

function count({ startedMono, attempts }: Run, code: ErrorCode | null, { tally, clock }: GenerateDeps): void {
  tally.count({ code, latencyMs: clock.monotonic() - startedMono, attempts });
}

function codeOf(ending: Ending): ErrorCode | null {
  if (ending.kind === 'completed') return null;
  return ending.kind === 'left' ? 'client_closed' : ending.error.code;
}

async function deliver(run: Run, first: AdmittedAttempt, reply: ReturnType<typeof streamReply>, deps: GenerateDeps): Promise<Ending> {
  try {
    await reply.write(forward(run, first, deps));
    return { kind: 'completed' };
  } catch (error) {
    const reason: unknown = run.abort.signal.reason;
    if (reason instanceof AppError) return { kind: 'failed', error: reason };
    if (run.abort.signal.aborted) return { kind: 'left' };
    const failure = asFailure(error, run.abort.signal);
    if (failure.kind === 'protocol')
      deps.logger.warn({ err: failure.cause ?? failure, requestId: run.requestId }, 'an upstream reply could not be read');
    // The caller's own dead credential is the caller's key; a pooled one is never shown as such.
    const ownKeyDead = run.caller.onlyTokenId !== null && failure.kind === 'invalid_credential';
    return { kind: 'failed', error: ownKeyDead ? new AppError('invalid_api_key', { cause: failure }) : clientError(failure) };
  }
}

function refuse(dialect: Dialect, arrival: Arrival, error: AppError, res: ServerResponse, deps: GenerateDeps): void {
  sendError(dialect, error, arrival.requestId, res);
  const refused = {
    requestId: arrival.requestId,
    caller: arrival.caller,
    address: arrival.address,
    endpoint: dialect.endpoint,
    model: safeText(arrival.call?.request.model ?? '', 200),
    stream: arrival.call?.stream ?? false,
    status: error.status,
    code: error.code,
    startedAt: arrival.startedAt,
    latencyUs: Math.round((deps.clock.monotonic() - arrival.startedMono) * 1000),
  };
  deps.refusals.record(refused);
  deps.tally.count({ code: error.code, latencyMs: refused.latencyUs / 1000, attempts: [] });
  if (deps.tracer) traceRefused(res.req, refused, deps);
}

export function asAppError(error: unknown, deps: Pick<GatewayDeps, 'logger'>, requestId: string): AppError {
  if (error instanceof AppError) return error;
  deps.logger.error({ err: error, requestId }, 'a request failed on our side');
  if (error instanceof DatabaseError && error.transient) return new AppError('storage_unavailable', { retryAfterSeconds: 2, cause: error });
  return new AppError('internal', { cause: error });
}
