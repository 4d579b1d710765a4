/** Refuses a completion's body as the real service does (kiro-protocol B5, B10, B11); pure, so each rule is a test. */
import { findModel, type SimModel } from '../models.js';
import { bodyInvalid, improper, invalidModel, tooLong } from '../refusals.js';
import { historyOf, type WireRequest } from '../wire/request.js';
import { checkMessages } from './messages.js';
import { checkModelFields } from './reasoning.js';
import { objectAt, optionalObjectAt, stringAt } from './shape.js';
import { checkTools } from './tools.js';

/** Peers guard a whole conversation near this weight (bytes, so that other scripts weigh more); images are apart. */
export const MAX_WEIGHT = 1_300_000;
/** Bytes of one token, roughly. */
export const BYTES_PER_TOKEN = 4;

const rootFields = ['conversationState', 'profileArn', 'additionalModelRequestFields'];

export interface ValidationOptions {
  readonly paid: boolean;
  /** Bytes of the whole body as sent. */
  readonly bodyBytes: number;
  owns(model: SimModel, text: string, signature: string): boolean;
  ownsRedacted(model: SimModel, content: string): boolean;
}

export interface ValidRequest {
  readonly request: WireRequest;
  readonly model: SimModel;
  /** A rough count of the tokens that came in. */
  readonly inputTokens: number;
}

function readModel(current: Readonly<Record<string, unknown>>, paid: boolean): SimModel {
  const path = 'conversationState.currentMessage.userInputMessage.modelId';
  const id = current.modelId ?? 'auto';
  const model = findModel(stringAt(id, path));
  if (!model || (model.paidOnly && !paid)) throw invalidModel(path);
  return model;
}

function imageCharacters(request: WireRequest): number {
  return [...historyOf(request), request.conversationState.currentMessage]
    .flatMap((turn) => turn.userInputMessage?.images ?? [])
    .reduce((sum, image) => sum + image.source.bytes.length, 0);
}

/** Throws Refusal naming the first rule broken. */
export function validateRequest(body: unknown, options: ValidationOptions): ValidRequest {
  const root = objectAt(body, '');
  for (const field of Object.keys(root))
    if (!rootFields.includes(field)) throw bodyInvalid('Improperly formed request.', 'root.unknown', field);
  const state = objectAt(root.conversationState, 'conversationState');
  if (state.chatTriggerType !== 'MANUAL') throw improper('trigger', 'conversationState.chatTriggerType');
  if (!/^[\x21-\x7e]{1,128}$/.test(stringAt(state.conversationId, 'conversationState.conversationId'))) {
    throw improper('conversation', 'conversationState.conversationId');
  }
  const outer = objectAt(state.currentMessage, 'conversationState.currentMessage');
  const path = 'conversationState.currentMessage.userInputMessage';
  const current = objectAt(outer.userInputMessage, path);
  if (current.origin !== 'AI_EDITOR' && current.origin !== 'KIRO_CLI') throw improper('origin', `${path}.origin`);
  const model = readModel(current, options.paid);
  const inner = optionalObjectAt(current.userInputMessageContext, `${path}.userInputMessageContext`);
  const offered = checkTools(inner?.tools, `${path}.userInputMessageContext.tools`, model);
  checkMessages(state, current, {
    model,
    offered,
    signatures: {
      owns: (text, signature) => options.owns(model, text, signature),
      ownsRedacted: (content) => options.ownsRedacted(model, content),
    },
  });
  checkModelFields(root.additionalModelRequestFields, model);
  // Every member that is read later was checked above.
  const request = root as unknown as WireRequest;
  const weight = options.bodyBytes - imageCharacters(request);
  const inputTokens = Math.ceil(weight / BYTES_PER_TOKEN);
  if (weight > MAX_WEIGHT || inputTokens > model.maxInputTokens) throw tooLong('window', 'conversationState');
  return { request, model, inputTokens };
}
