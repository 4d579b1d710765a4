/** The client's message list into system text and turns. Roles are repaired as kiro-protocol pitfall 7 asks; what has nothing to say is dropped. */
import type { Message, MessagePart, TextPart } from '../../../upstreams/define.js';
import { addText, readContent, toolResult } from './content.js';
import { filledStringAt, type JsonObject, objectAt, stringAt } from './guards.js';
import { toolInput } from './json.js';
import { at, describe, invalid, type Path, quoted } from './path.js';

export interface Conversation {
  readonly system: readonly TextPart[];
  readonly messages: readonly Message[];
}

/**
 * Reads `messages` of either API. System and developer messages before the first turn join `leading` (the
 * Anthropic `system`); later ones stay in their place as user turns, so that the prefix an upstream caches
 * does not change. Throws AppError `invalid_request` with the path at fault, or on `messages` when nothing is left to send.
 */
export function readMessages(value: unknown, leading: readonly TextPart[] = []): Conversation {
  const root = at(null, 'messages');
  if (!Array.isArray(value)) throw invalid(root, `must be an array, got ${describe(value)}`);
  if (value.length === 0) throw invalid(root, 'must hold at least one message');
  const system: TextPart[] = [...leading];
  const messages: Message[] = [];
  const legacyCalls = new Map<string, string>();
  let lastSystem: Message | null = null;
  for (let index = 0; index < value.length; index++) {
    const path = at(root, index);
    const message = objectAt(value[index], path);
    const role = roleOf(message, path);
    const parts: MessagePart[] = role === 'system' ? readSystem(message.content, at(path, 'content')) : [];
    if (role === 'system' && messages.length === 0) {
      if (parts.length > 0) lastSystem = { role: 'user', parts, index };
      for (const part of parts as TextPart[]) system.push(part);
      continue;
    }
    if (role === 'assistant') readAssistant(message, index, path, legacyCalls, parts);
    else if (role === 'tool') readTool(message, path, parts);
    else if (role === 'function') readFunction(message, index, path, legacyCalls, parts);
    else if (role === 'user') readContent(message.content, 'user', at(path, 'content'), parts);
    if (parts.length > 0) messages.push({ role: role === 'assistant' ? 'assistant' : 'user', parts, index });
  }
  if (messages.length > 0) return { system, messages };
  // A list of system messages only is a fair OpenAI request; an upstream wants a user turn, so the last one becomes it.
  if (lastSystem === null) throw invalid(root, 'there is nothing to send: every message is empty');
  return { system: system.slice(0, -lastSystem.parts.length), messages: [lastSystem] };
}

type ClientRole = 'system' | 'user' | 'assistant' | 'tool' | 'function';

function roleOf(message: JsonObject, path: Path): ClientRole {
  switch (message.role) {
    case 'user':
    case 'assistant':
    case 'tool':
    case 'function':
    case 'system':
      return message.role;
    case 'developer':
      return 'system';
    default:
      throw invalid(at(path, 'role'), `must be system, developer, user, assistant, tool or function, got ${quoted(message.role)}`);
  }
}

/** System text as a string or text blocks; `cache_control` and other members are ignored. */
export function readSystem(value: unknown, path: Path): TextPart[] {
  const parts: MessagePart[] = [];
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') addText(value, parts);
  else if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const blockPath = at(path, index);
      const block = objectAt(value[index], blockPath);
      if (block.type !== 'text' && block.type !== 'input_text') {
        throw invalid(at(blockPath, 'type'), `must be "text" in system content, got ${quoted(block.type)}`);
      }
      addText(stringAt(block.text, at(blockPath, 'text')), parts);
    }
  } else throw invalid(path, `must be a string or an array of text blocks, got ${describe(value)}`);
  return parts as TextPart[];
}

function readAssistant(message: JsonObject, index: number, path: Path, legacyCalls: Map<string, string>, parts: MessagePart[]): void {
  if (message.audio !== undefined && message.audio !== null) throw invalid(at(path, 'audio'), 'audio is not supported');
  const reasoning = message.reasoning_content;
  if (typeof reasoning === 'string' && reasoning !== '') parts.push({ type: 'thinking', text: reasoning, signature: null });
  readContent(message.content, 'assistant', at(path, 'content'), parts);
  if (typeof message.refusal === 'string') addText(message.refusal, parts);
  readToolCalls(message.tool_calls, at(path, 'tool_calls'), parts);
  const call = message.function_call;
  if (call === undefined || call === null) return;
  const callPath = at(path, 'function_call');
  const { name, arguments: input } = objectAt(call, callPath);
  const id = `call_function_${index}`;
  const called = filledStringAt(name, at(callPath, 'name'));
  legacyCalls.set(called, id);
  parts.push({ type: 'tool_use', id, name: called, input: toolInput(input, at(callPath, 'arguments')) });
}

function readToolCalls(value: unknown, path: Path, parts: MessagePart[]): void {
  if (value === undefined || value === null) return;
  if (!Array.isArray(value)) throw invalid(path, `must be an array, got ${describe(value)}`);
  for (let index = 0; index < value.length; index++) {
    const callPath = at(path, index);
    const call = objectAt(value[index], callPath);
    const custom = call.type === 'custom';
    const inner = custom ? 'custom' : 'function';
    const target = objectAt(call[inner], at(callPath, inner));
    const targetPath = at(callPath, inner);
    parts.push({
      type: 'tool_use',
      id: filledStringAt(call.id, at(callPath, 'id')),
      name: filledStringAt(target.name, at(targetPath, 'name')),
      input: custom ? { input: stringAt(target.input, at(targetPath, 'input')) } : toolInput(target.arguments, at(targetPath, 'arguments')),
    });
  }
}

function readTool(message: JsonObject, path: Path, parts: MessagePart[]): void {
  const id = message.tool_call_id ?? message.tool_use_id;
  // Some clients put Anthropic tool_result blocks, which name their call themselves, under this role.
  if ((id === undefined || id === null) && Array.isArray(message.content)) {
    const blocks = message.content as readonly unknown[];
    if (blocks.some((block) => (block as JsonObject | null)?.type === 'tool_result')) {
      readContent(blocks, 'user', at(path, 'content'), parts);
      return;
    }
  }
  parts.push(toolResult(filledStringAt(id, at(path, 'tool_call_id')), message, path));
}

/** The API before tools: answers by name, one call at a time. */
function readFunction(
  message: JsonObject,
  index: number,
  path: Path,
  legacyCalls: ReadonlyMap<string, string>,
  parts: MessagePart[],
): void {
  const name = filledStringAt(message.name, at(path, 'name'));
  parts.push(toolResult(legacyCalls.get(name) ?? `call_function_${index}`, message, path));
}
