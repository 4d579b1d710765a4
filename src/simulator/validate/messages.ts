/** The conversation: alternation, text, and tool uses answered in the next user turn (kiro-protocol B10). */
import type { SimModel } from '../models.js';
import { bodyInvalid, improper, tooLong, toolMismatch } from '../refusals.js';
import { checkImages } from './images.js';
import { checkReasoning, type SignatureCheck } from './reasoning.js';
import { isObject, type Json, listAt, objectAt, oneOf, optionalObjectAt, stringAt } from './shape.js';
import { toolIdPattern } from './tools.js';

export const MAX_HISTORY = 10_000;
export const MAX_USER_TEXT = 400_000;
export const MAX_TOOL_RESULT = 400_000;
/** Around here any one field trips the length limit. */
export const MAX_FIELD = 700_000;

export interface MessageContext {
  readonly model: SimModel;
  readonly offered: ReadonlySet<string>;
  readonly signatures: SignatureCheck;
}

/** What the next user turn has to answer. */
interface Expected {
  readonly ids: readonly string[];
}

function checkResult(value: unknown, path: string): string {
  const result = objectAt(value, path);
  const id = stringAt(result.toolUseId, `${path}.toolUseId`);
  if (!toolIdPattern.test(id)) throw improper('toolResult.id', `${path}.toolUseId`);
  if (result.status !== 'success' && result.status !== 'error') throw improper('toolResult.status', `${path}.status`);
  let size = 0;
  for (const [i, part] of listAt(result.content, `${path}.content`).entries()) {
    const at = `${path}.content[${i}]`;
    const block = objectAt(part, at);
    if (oneOf(block, ['text', 'json'], 'toolResult.content', at) === 'text') size += stringAt(block.text, `${at}.text`).length;
    else size += JSON.stringify(block.json).length;
  }
  if (size > MAX_TOOL_RESULT) throw tooLong('toolResult.size', path);
  return id;
}

function checkUser(message: Json, path: string, expected: Expected, context: MessageContext): void {
  const content = stringAt(message.content, `${path}.content`);
  if (content.length > MAX_USER_TEXT) throw tooLong('user.size', `${path}.content`);
  const inner = optionalObjectAt(message.userInputMessageContext, `${path}.userInputMessageContext`);
  const at = `${path}.userInputMessageContext.toolResults`;
  const results = listAt(inner?.toolResults, at).map((result, i) => checkResult(result, `${at}[${i}]`));
  if (results.length !== expected.ids.length || results.some((id, i) => id !== expected.ids[i])) {
    throw toolMismatch('toolResult.pairing', at, expected.ids.length > 0 ? expected.ids : results);
  }
  if (content.trim() === '' && results.length === 0) throw improper('user.empty', `${path}.content`);
  checkImages(message.images, `${path}.images`, context.model.images);
}

function checkToolUse(value: unknown, path: string, context: MessageContext): string {
  const use = objectAt(value, path);
  const id = stringAt(use.toolUseId, `${path}.toolUseId`);
  const name = stringAt(use.name, `${path}.name`);
  if (!isObject(use.input)) throw bodyInvalid('Invalid tool use format.', 'toolUse.input', `${path}.input`);
  if (!toolIdPattern.test(id)) throw bodyInvalid('Invalid tool use format.', 'toolUse.id', `${path}.toolUseId`);
  if (!toolIdPattern.test(name)) throw improper('toolUse.name', `${path}.name`);
  if (!context.offered.has(name)) throw improper('toolUse.unspecified', `${path}.name`);
  return id;
}

/** An answer may be without text when it calls tools; agents send that all day. */
function checkAssistant(message: Json, path: string, context: MessageContext): Expected {
  const content = stringAt(message.content, `${path}.content`);
  if (content.length > MAX_FIELD) throw tooLong('assistant.size', `${path}.content`);
  const ids = listAt(message.toolUses, `${path}.toolUses`).map((use, i) => checkToolUse(use, `${path}.toolUses[${i}]`, context));
  if (new Set(ids).size !== ids.length) throw bodyInvalid('Invalid tool use format.', 'toolUse.duplicate', `${path}.toolUses`);
  if (content.trim() === '' && ids.length === 0) throw improper('assistant.empty', `${path}.content`);
  checkReasoning(message.reasoningContent, `${path}.reasoningContent`, context.signatures);
  return { ids };
}

/** Checks history and current message. Throws Refusal naming the first rule broken. */
export function checkMessages(state: Json, current: Json, context: MessageContext): void {
  const history = listAt(state.history, 'conversationState.history');
  if (history.length > MAX_HISTORY) throw tooLong('history.length', 'conversationState.history');
  if (history.length % 2 !== 0) throw improper('history.alternation', 'conversationState.history');
  let expected: Expected = { ids: [] };
  for (const [i, entry] of history.entries()) {
    const at = `conversationState.history[${i}]`;
    const turn = objectAt(entry, at);
    const role = oneOf(turn, ['userInputMessage', 'assistantResponseMessage'], 'history.entry', at);
    if ((role === 'userInputMessage') !== (i % 2 === 0)) throw improper('history.alternation', at);
    const message = objectAt(turn[role], `${at}.${role}`);
    if (role === 'userInputMessage') checkUser(message, `${at}.${role}`, expected, context);
    else expected = checkAssistant(message, `${at}.${role}`, context);
  }
  checkUser(current, 'conversationState.currentMessage.userInputMessage', expected, context);
}
