/** The `input` of the Responses API, a string or a list of items, into system text, turns and the tools that items bring. */
import type { Message, MessagePart, TextPart } from '../../../upstreams/define.js';
import { addText, readContent, toolResult } from '../shared/content.js';
import { filledStringAt, isObject, type JsonObject, objectAt, stringAt } from '../shared/guards.js';
import { toolInput } from '../shared/json.js';
import { type Conversation, readSystem } from '../shared/messages.js';
import { at, describe, invalid, type Path, quoted } from '../shared/path.js';
import { flatName, SEARCH_TOOL } from './names.js';
import { thinkingOf } from './sealed.js';
import { readResponseTools, type ToolSource } from './tools.js';

export interface ReadInput extends Conversation {
  readonly tools: readonly ToolSource[];
}

interface Turn extends Message {
  readonly parts: MessagePart[];
}

interface Reading {
  readonly system: TextPart[];
  readonly messages: Turn[];
  readonly tools: ToolSource[];
  lastSystem: Turn | null;
}

const root = at(null, 'input');

/**
 * Reads `input` behind `instructions`. System and developer messages before the first turn are system text, later ones
 * stay in place as user turns. Throws AppError `invalid_request` with the path, or on `input` when nothing is left to send.
 */
export function readInput(value: unknown, instructions: string | null): ReadInput {
  const reading: Reading = { system: [], messages: [], tools: [], lastSystem: null };
  if (instructions !== null) addText(instructions, reading.system);
  const items = typeof value === 'string' ? [{ role: 'user', content: value }] : value;
  if (!Array.isArray(items)) throw invalid(root, `must be a string or an array of items, got ${describe(value)}`);
  if (items.length === 0) throw invalid(root, 'must hold at least one item');
  for (let index = 0; index < items.length; index++) {
    const path = at(root, index);
    readItem(objectAt(items[index], path), index, path, reading);
  }
  const { system, messages, tools, lastSystem } = reading;
  if (messages.length > 0) return { system, messages, tools };
  // Nothing but developer messages: an upstream wants a user turn, so the last of them becomes it.
  if (lastSystem === null) throw invalid(root, 'there is nothing to send: every item is empty');
  return { system: system.slice(0, -lastSystem.parts.length), messages: [lastSystem], tools };
}

function readItem(item: JsonObject, index: number, path: Path, reading: Reading): void {
  switch (item.type ?? (item.role === undefined ? undefined : 'message')) {
    case 'message':
      return readMessage(item, index, path, reading);
    case 'function_call':
    case 'custom_tool_call':
      return push('assistant', [call(item, path)], index, reading);
    case 'function_call_output':
    case 'custom_tool_call_output':
      return push('user', [output(item, path)], index, reading);
    case 'reasoning':
      return push('assistant', thinkingOf(item, path), index, reading);
    case 'additional_tools':
      reading.tools.push({ value: item.tools, path: at(path, 'tools') });
      return;
    case 'tool_search_call':
      return push('assistant', ranByClient(item) ? [search(item, path)] : [], index, reading);
    case 'tool_search_output':
      reading.tools.push({ value: item.tools, path: at(path, 'tools') });
      return push('user', ranByClient(item) ? [found(item, path)] : [], index, reading);
    // What OpenAI's own tools did earlier in a conversation: the answer that came of it stands behind them.
    case 'web_search_call':
    case 'image_generation_call':
    case 'file_search_call':
    case 'code_interpreter_call':
    case 'mcp_list_tools':
      return;
    case 'item_reference':
      throw invalid(path, 'responses are not stored, so an item cannot be sent by reference; send it whole (in many SDKs: store: false)');
    default:
      throw invalid(at(path, 'type'), `is not supported: ${quoted(item.type)}`);
  }
}

function readMessage(item: JsonObject, index: number, path: Path, reading: Reading): void {
  const contentPath = at(path, 'content');
  const parts: MessagePart[] = [];
  switch (item.role) {
    case 'user':
    case 'assistant':
      readContent(item.content, item.role, contentPath, parts);
      return push(item.role, parts, index, reading);
    case 'system':
    case 'developer': {
      const system = readSystem(item.content, contentPath);
      if (reading.messages.length > 0) return push('user', system, index, reading);
      if (system.length > 0) reading.lastSystem = { role: 'user', parts: [...system], index };
      for (const part of system) reading.system.push(part);
      return;
    }
    default:
      throw invalid(at(path, 'role'), `must be system, developer, user or assistant, got ${quoted(item.role)}`);
  }
}

/** What the model said in one go is one turn: its thinking counts only beside text or calls. User items stay apart. */
function push(role: Message['role'], parts: readonly MessagePart[], index: number, reading: Reading): void {
  if (parts.length === 0) return;
  const last = reading.messages.at(-1);
  if (role === 'assistant' && last?.role === 'assistant') for (const part of parts) last.parts.push(part);
  else reading.messages.push({ role, parts: [...parts], index });
}

function call(item: JsonObject, path: Path): MessagePart {
  const namespace = item.namespace ?? '';
  const name = filledStringAt(item.name, at(path, 'name'));
  return {
    type: 'tool_use',
    id: filledStringAt(item.call_id, at(path, 'call_id')),
    name: flatName(stringAt(namespace, at(path, 'namespace')), name),
    input:
      item.type === 'custom_tool_call'
        ? { input: stringAt(item.input, at(path, 'input')) }
        : toolInput(item.arguments, at(path, 'arguments')),
  };
}

function output(item: JsonObject, path: Path): MessagePart {
  const id = filledStringAt(item.call_id, at(path, 'call_id'));
  const held = item.output;
  // An early Codex wrapped its text, with a mark of failure.
  if (isObject(held) && typeof held.content === 'string') {
    const part = toolResult(id, { content: held.content }, at(path, 'output'));
    return { ...part, isError: held.success === false };
  }
  return toolResult(id, { content: held }, path, 'output');
}

/** A search that OpenAI ran itself has no id to answer to. */
const ranByClient = (item: JsonObject): boolean => typeof item.call_id === 'string' && item.call_id !== '';

function search(item: JsonObject, path: Path): MessagePart {
  return { type: 'tool_use', id: String(item.call_id), name: SEARCH_TOOL, input: toolInput(item.arguments, at(path, 'arguments')) };
}

/** What a search found is offered like any tool; its result tells the model so. */
function found(item: JsonObject, path: Path): MessagePart {
  const { tools } = readResponseTools([{ value: item.tools, path: at(path, 'tools') }]).list;
  const content = tools.length === 0 ? 'No tool was found.' : `These tools can be called now: ${tools.map((tool) => tool.name).join(', ')}`;
  return toolResult(String(item.call_id), { content }, path);
}
