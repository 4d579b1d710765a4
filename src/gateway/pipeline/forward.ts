/** Calls upstreams until one serves: admitted token by admitted token, before the first byte of model output only. */
import type { UsableCredential } from '../../credentials/access.js';
import { AppError } from '../../errors.js';
import { isOutput, type ModelEvent, type ModelEvents, type ModelRequest, UpstreamFailure } from '../../upstreams/define.js';
import { estimateRequestTokens } from '../../upstreams/tokens.js';
import type { GatewayDeps } from '../deps.js';
import { type AdmittedAttempt, admit } from './admit.js';
import { beginAttempt, endAttempt } from './attempt.js';
import { asFailure, meaningOf } from './failures.js';
import { current, isCurrent } from './guard.js';
import { admitAtHand, isOutOfReach, outOfReach } from './outOfReach.js';
import { enforceOutput } from './output.js';
import type { OutputRules } from './outputGate.js';
import { pace, pacingMs } from './pace.js';
import type { AttemptRecord, Run } from './run.js';
import { isStillWelcome, mustStillServe, whileServing } from './welcome.js';

/**
 * Yields the reply's events. Throws UpstreamFailure when no attempt served, or when the stream broke after
 * output had begun. Leaving the loop early ends the upstream call. An attempt that failed is settled before the
 * next begins; one that served is being settled when this ends (`run.settling`).
 */
export async function* forward(run: Run, first: AdmittedAttempt, deps: GatewayDeps): AsyncGenerator<ModelEvents, void, undefined> {
  let admitted = first;
  let emptyBefore = false;
  const tried: string[] = [];
  for (;;) {
    const attempt = beginAttempt(run, admitted, deps);
    const held: ModelEvent[] = [];
    let output = false;
    let failure: UpstreamFailure | null = null;
    let whole = false;
    let refreshes = false;
    let credential: UsableCredential | null = null;
    try {
      credential = await prepare(run, admitted, deps);
      for await (const events of call(run, admitted, { attempt, credential }, deps)) {
        // What the upstream had sent already must not keep a reply alive that nobody waits for.
        run.abort.signal.throwIfAborted();
        for (const event of events) note(run, event);
        if (output) {
          yield events;
          continue;
        }
        held.push(...events);
        if (!events.some((event) => isAnswering(event, run))) continue;
        output = true;
        deps.limits.responded(attempt.attemptId, true);
        yield held;
      }
      if (output || emptyBefore || isAnswer(held)) whole = true;
      else failure = new UpstreamFailure({ kind: 'empty', message: 'The upstream sent an empty reply.' });
    } catch (error) {
      failure = asFailure(error, run.abort.signal);
      if (failure.kind === 'auth' && credential !== null) deps.access.refused(admitted.tokenId, credential.access.value);
      // Twice nothing is the model's answer: it is handed over, and charged (contract §3).
      if (failure.kind === 'empty' && emptyBefore) {
        whole = true;
        failure = null;
      }
      refreshes = failure?.kind === 'auth' && !output && mayTryAgain(run, deps) && !tried.includes(attempt.tokenId);
    } finally {
      // Also reached when the consumer leaves in the middle of a yield.
      if (!whole && failure === null) failure = new UpstreamFailure({ kind: 'aborted', message: 'The client left.' });
      await endAttempt(run, attempt, { failure, refreshes }, deps);
    }
    if (failure === null) {
      if (!output) yield silentReply(held);
      return;
    }
    if (output || !meaningOf(failure).retry || !mayTryAgain(run, deps)) throw failure;
    emptyBefore ||= failure.kind === 'empty';
    const next = await nextToken(run, attempt, failure, tried, deps);
    if (next === null) throw failure;
    admitted = next;
  }
}

/**
 * Is it output that ends the chance of another try? In a whole reply nothing has been sent while the model only
 * thinks, and one that only thought is asked once more (pitfall 43).
 */
const isAnswering = (event: ModelEvent, run: Run): boolean => isOutput(event) && (run.call.stream || !thoughts.has(event.type));

const thoughts: ReadonlySet<ModelEvent['type']> = new Set(['thinking', 'thinking_signature', 'redacted_thinking']);

/** Without output, yet with a reason of its own, such as a refusal: asking again would burn credits for the same answer. */
const isAnswer = (held: ModelEvents): boolean => held.some((event) => event.type === 'stop' && event.reason !== 'end_turn');

/** A reply without output, ended as the upstream said. */
function silentReply(held: ModelEvents): ModelEvents {
  return held.some(({ type }) => type === 'stop') ? held : [...held, { type: 'stop', reason: 'end_turn', sequence: null }];
}

interface Prepared {
  readonly attempt: AttemptRecord;
  readonly credential: UsableCredential;
}

/** One upstream call on one token, begun by the first piece that is asked for. */
function call(run: Run, admitted: AdmittedAttempt, { attempt, credential }: Prepared, deps: GatewayDeps): AsyncIterable<ModelEvents> {
  const upstream = deps.upstreams.get(admitted.provider);
  if (!upstream) throw new UpstreamFailure({ kind: 'routing', message: 'No adapter for this provider.' });
  mustStillServe(run, admitted.tokenId, deps);
  attempt.sent = true;
  const events = upstream.generate({
    request: run.request,
    model: admitted.model,
    authType: credential.authType,
    secret: credential.secret,
    access: credential.access,
    requestId: run.requestId,
    attempt: run.attempts.length,
    signal: run.abort.signal,
    onHeaders: () => responded(attempt, deps),
    lessons: run.lessons,
  });
  return enforceOutput(events, rulesOf(run.request));
}

/** A token that was set aside before anything was sent for it is no try of the upstream; how many are set aside is bounded too. */
function mayTryAgain({ attempts }: Run, { maxAttempts }: GatewayDeps): boolean {
  const asked = attempts.filter(({ failure }) => failure !== 'withdrawn').length;
  return asked < maxAttempts && attempts.length - asked < MOST_SET_ASIDE;
}

/** With the tries of the upstream no more than the 20 attempts that a terminal event holds. */
const MOST_SET_ASIDE = 8;

/** The access token comes from the cache, or from a refresh that all waiters share. A store that does not answer here is our trouble, not the token's. */
async function prepare(run: Run, admitted: AdmittedAttempt, deps: GatewayDeps): Promise<UsableCredential> {
  try {
    if (admitted.position > deps.directory.position()) await deps.directory.catchUp(admitted.position);
    const opened = deps.access.get(admitted.tokenId, run.abort.signal).catch(outOfReach);
    const credential = await whileServing(opened, run, admitted.tokenId, deps);
    // A refresh may outlive what is known of the caller and the token.
    if (!isCurrent(deps)) await current(deps, run.abort.signal);
    return credential;
  } catch (error) {
    if (error instanceof UpstreamFailure || error instanceof AppError || run.abort.signal.aborted) throw error;
    throw new AppError('storage_unavailable', { retryAfterSeconds: 2, cause: error });
  }
}

function rulesOf(request: ModelRequest): OutputRules {
  return {
    stop: request.stop,
    maxTokens: request.maxTokens,
    inputTokens: () => estimateRequestTokens(request),
    ...(request.singleTool !== undefined && { singleTool: request.singleTool }),
  };
}

function responded(attempt: AttemptRecord, deps: GatewayDeps): void {
  if (attempt.respondedAt !== null) return;
  attempt.respondedAt = deps.clock.now();
  deps.limits.responded(attempt.attemptId);
}

function note(run: Run, event: ModelEvent): void {
  if (event.type === 'text' || event.type === 'thinking') run.outputChars += event.text.length;
  else if (event.type === 'tool_input') run.outputChars += event.json.length;
  else if (event.type === 'usage') run.usage = event.usage;
  else if (event.type === 'metering') run.microCredits = (run.microCredits ?? 0) + event.microCredits;
}

/**
 * The same credential is asked again when its stale access token has been refreshed, when the upstream is to be asked in
 * another way, and after an empty reply; everything else moves on. null: nobody else may serve it now.
 */
async function nextToken(
  run: Run,
  attempt: AttemptRecord,
  failure: UpstreamFailure,
  tried: string[],
  deps: GatewayDeps,
): Promise<AdmittedAttempt | null> {
  // Each upstream call is paced, a second try as well; and who was banned or revoked meanwhile gets none.
  if (failure.kind !== 'withdrawn') await pace(pacingMs(deps), run.abort.signal);
  if (!isStillWelcome(run, deps)) return null;
  const refreshed = failure.kind === 'auth' && !tried.includes(attempt.tokenId);
  const differently = failure.retry === 'same_token';
  // A token that was asked in the wrong way has not been tried yet.
  if (!differently) tried.push(attempt.tokenId);
  if (refreshed || differently || failure.kind === 'empty') {
    const again = await admit(run, { attempt: run.attempts.length + 1, exclude: [], onlyTokenId: attempt.tokenId }, deps);
    if (again.ok) return again;
    // The failure stands as if there were no other way: what another token would not help against ends here.
    if (!meaningOf({ kind: failure.kind, cause: failure.cause }).retry) return null;
    if (differently) tried.push(attempt.tokenId);
  }
  if (run.caller.onlyTokenId !== null) return null;
  const atHand = isOutOfReach(failure) ? await admitAtHand(run, tried, deps) : null;
  if (atHand !== null) return atHand;
  const next = await admit(run, { attempt: run.attempts.length + 1, exclude: tried, onlyTokenId: null }, deps);
  return next.ok ? next : null;
}
