/** One completion from arrival to the last frame: who calls, may they, is the body right, and then the reply. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Behaviour, RequestView, SimulatorSettings } from '../behaviour.js';
import type { Credential } from '../credentials.js';
import { findModel } from '../models.js';
import { checkInferenceProfile, type Route } from '../profile.js';
import { bearerInvalid, outOfCredits, Refusal, risk, suspended } from '../refusals.js';
import { composeReply, directed, type Reply } from '../reply.js';
import type { Service } from '../service.js';
import { type ValidRequest, validateRequest } from '../validate/index.js';
import { isObject } from '../validate/shape.js';
import { toolResultsOf, toolResultText, toolsOf } from '../wire/request.js';
import { pause, writeFrames } from '../wire/write.js';
import type { Visit } from '../witness.js';
import { bearerOf, followResponse, headerOf, parseJson, readBody, sendRefusal } from './http.js';

const REDACTED = 'redacted thinking';

function checkAccount(service: Service, credential: Credential, load: Visit['load']): void {
  if (credential.suspended) throw suspended(credential.userId);
  const now = service.clock.monotonic();
  if (now < credential.riskUntil) throw risk(credential.userId);
  const { limits } = service.settings();
  if (!limits) return;
  const over = (value: number, most: number | null): boolean => most !== null && value > most;
  if (over(load.per60s, limits.per60s) || over(load.per3600s, limits.per3600s) || over(load.concurrent, limits.concurrent)) {
    credential.riskUntil = now + limits.coolMs;
    throw risk(credential.userId);
  }
}

/** The model named in a body that was not validated yet; the profile rules come first and need it. */
function peekModel(body: unknown): ReturnType<typeof findModel> {
  const state = isObject(body) ? body.conversationState : null;
  const current = isObject(state) ? state.currentMessage : null;
  const message = isObject(current) ? current.userInputMessage : null;
  const id = isObject(message) ? message.modelId : null;
  return typeof id === 'string' ? findModel(id) : undefined;
}

function checkBody(service: Service, credential: Credential, raw: Buffer, route: Route): ValidRequest {
  const body = parseJson(raw);
  const arn = isObject(body) && typeof body.profileArn === 'string' ? body.profileArn : null;
  checkInferenceProfile(credential, arn, route, peekModel(body)?.needsProfile ?? false);
  const valid = validateRequest(body, {
    paid: credential.plan !== 'free',
    bodyBytes: raw.length,
    owns: (model, text, signature) => service.credentials.sign(credential, model.id, text) === signature,
    ownsRedacted: (model, content) => service.credentials.sign(credential, model.id, REDACTED) === content,
  });
  if (credential.creditsUsed >= credential.creditsLimit) throw outOfCredits();
  return valid;
}

function viewOf(credential: Credential, visit: Visit, { request, model }: ValidRequest): RequestView {
  const current = request.conversationState.currentMessage.userInputMessage;
  return {
    seq: visit.record.seq,
    credential: credential.id,
    model: model.id,
    conversationId: request.conversationState.conversationId,
    invocationId: visit.record.invocationId,
    text: current.content,
    tools: toolsOf(current).flatMap((tool) => tool.toolSpecification?.name ?? []),
    toolResults: toolResultsOf(current).map(toolResultText),
    body: request,
  };
}

function chanceFailure({ random }: Service, { failureRate, failures }: SimulatorSettings): Behaviour | undefined {
  if (failureRate === 0 || random.next() >= failureRate) return undefined;
  let draw = random.next() * failures.reduce((sum, failure) => sum + failure.weight, 0);
  for (const { weight, behaviour } of failures) {
    draw -= weight;
    if (draw < 0) return behaviour;
  }
  return undefined;
}

/** Scripts win over directives; chance strikes only what neither spoke of. */
function decide(service: Service, view: RequestView, { request }: ValidRequest): { behaviour: Behaviour; said: string } {
  const { behaviour, said } = directed(request);
  const scripted = service.script.next(view);
  const chosen = { ...behaviour, ...scripted };
  if (Object.keys(chosen).length > 0) return { behaviour: chosen, said };
  return { behaviour: chanceFailure(service, service.settings()) ?? {}, said };
}

/** The error shape that goes with a status when a script does not name one. */
function typeOf(status: number): string {
  if (status >= 500) return 'InternalServerException';
  if (status === 401 || status === 403) return 'AccessDeniedException';
  if (status === 402) return 'ServiceQuotaExceededException';
  return status === 429 ? 'ThrottlingException' : 'ValidationException';
}

function refuseAsTold(error: NonNullable<Behaviour['error']>): never {
  throw new Refusal({
    status: error.status,
    message: error.message,
    reason: error.reason ?? null,
    type: error.type ?? typeOf(error.status),
    rule: 'scripted',
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
  });
}

function play(service: Service, res: ServerResponse, reply: Reply, behaviour: Behaviour, onCut: () => void): Promise<void> {
  const { gap } = service.settings();
  res.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream', 'x-amzn-requestid': service.random.uuid() });
  return writeFrames(res, reply.frames.map(service.encode), {
    gapMs: () => behaviour.gapMs ?? (gap ? service.random.logNormal(gap.medianMs, gap.p95Ms) : 0),
    cutAfter: behaviour.cutAfter ?? null,
    stallAfter: behaviour.stallAfter ?? null,
    splitBytes: behaviour.splitBytes ?? null,
    onCut,
  });
}

interface Call {
  readonly res: ServerResponse;
  readonly route: Route;
  readonly credential: Credential;
  readonly visit: Visit;
  readonly onCut: () => void;
}

async function answer(service: Service, call: Call, valid: ValidRequest): Promise<void> {
  const { random, credentials } = service;
  const { res, route, credential, visit, onCut } = call;
  const { latency, wordsPerChunk } = service.settings();
  const { behaviour, said } = decide(service, viewOf(credential, visit, valid), valid);
  await pause(res, behaviour.delayMs ?? (latency ? random.logNormal(latency.medianMs, latency.p95Ms) : 0));
  if (behaviour.hold) await service.gate.hold(res);
  if (res.closed) return;
  if (behaviour.error) refuseAsTold(behaviour.error);
  const reply = composeReply(valid, {
    behaviour,
    said,
    wordsPerChunk,
    initialResponse: route.path === 'root',
    sign: (text) => credentials.sign(credential, valid.model.id, text),
    signRedacted: () => credentials.sign(credential, valid.model.id, REDACTED),
    toolUseId: () => `tooluse_${random.text(22)}`,
  });
  credential.creditsUsed += reply.credits;
  await play(service, res, reply, behaviour, onCut);
}

function checkContentType(req: IncomingMessage, route: Route): void {
  const wanted = route.path === 'root' ? /^application\/x-amz-json-1\.[01]\b/i : /^application\/json\b/i;
  if (wanted.test(req.headers['content-type'] ?? '')) return;
  throw new Refusal({ status: 415, message: 'Unsupported media type.', type: 'UnsupportedMediaTypeException', rule: 'route.contentType' });
}

/** Handles GenerateAssistantResponse on either dialect. */
export async function handleGenerate(service: Service, req: IncomingMessage, res: ServerResponse, route: Route): Promise<void> {
  const bearer = bearerOf(req) ?? '';
  const caller = service.credentials.ownerOfAccessToken(bearer);
  const invocationId = headerOf(req, 'amz-sdk-invocation-id');
  const visit = service.witness.arrive({ operation: 'generate', credential: caller?.id ?? null, invocationId });
  const ending = followResponse(res, visit);
  try {
    const raw = await readBody(req);
    if (raw === null) return;
    if (bearer === '') throw bearerInvalid('bearer.missing');
    checkContentType(req, route);
    const credential = service.credentials.authenticate(bearer);
    checkAccount(service, credential, visit.load);
    const valid = checkBody(service, credential, raw, route);
    visit.record.conversationId = valid.request.conversationState.conversationId;
    visit.record.model = valid.model.id;
    await answer(service, { res, route, credential, visit, onCut: ending.cut }, valid);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    visit.record.rule = error.detail.rule;
    sendRefusal(res, error);
  }
}
