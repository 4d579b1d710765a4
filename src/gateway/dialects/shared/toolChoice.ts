/** `tool_choice` of both APIs, checked against the tools that are left (pitfall 21: never silently ignored). */
import type { Tool, ToolChoice } from '../../../upstreams/define.js';
import { filledStringAt, isObject, type JsonObject, objectAt } from './guards.js';
import { at, describe, invalid, type Path, quoted } from './path.js';
import type { ToolList } from './tools.js';

export interface ChosenTools {
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice;
  /** The client wants at most one call in the reply. */
  readonly singleTool: boolean;
}

const root = at(null, 'tool_choice');

/**
 * Reads `tool_choice` as OpenAI words, OpenAI objects or Anthropic objects. `parallel` is OpenAI's
 * `parallel_tool_calls`; Anthropic's `disable_parallel_tool_use` stands inside the choice.
 */
export function readToolChoice(value: unknown, list: ToolList, parallel: boolean = true): ChosenTools {
  const singleTool = !parallel || (isObject(value) && value.disable_parallel_tool_use === true);
  if (value === undefined || value === null) return { tools: list.tools, toolChoice: { type: 'auto' }, singleTool };
  if (isObject(value) && value.type === 'allowed_tools') return { ...allowedTools(value, list), singleTool };
  return { tools: list.tools, toolChoice: choice(value, list), singleTool };
}

function choice(value: unknown, list: ToolList): ToolChoice {
  const word = isObject(value) ? value.type : value;
  switch (word) {
    case 'auto':
    case 'none':
      return { type: word };
    case 'any':
    case 'required':
      if (list.tools.length === 0 && list.dropped.size === 0) throw invalid(root, `${quoted(word)} needs tools, and there are none`);
      return { type: list.tools.length === 0 ? 'auto' : 'any' };
    case 'tool':
    case 'function':
    case 'custom':
      return named(objectAt(value, root), list);
    default:
      // The Responses API chooses a tool of its own by its type alone.
      if (typeof word === 'string' && isObject(value) && list.dropped.has(word)) return { type: 'auto' };
      throw invalid(isObject(value) ? at(root, 'type') : root, `is not supported: ${isObject(value) ? quoted(word) : quoted(value)}`);
  }
}

function named(value: JsonObject, list: ToolList): ToolChoice {
  const wrapped = value.function !== undefined;
  const path = wrapped ? at(root, 'function') : root;
  const name = filledStringAt(wrapped ? objectAt(value.function, path).name : value.name, at(path, 'name'));
  if (list.tools.some((tool) => tool.name === name)) return { type: 'tool', name };
  // A server tool that we left out: the model answers without it.
  if (list.dropped.has(name)) return { type: 'auto' };
  throw invalid(at(path, 'name'), 'names a tool that is not in tools');
}

/** OpenAI `{type:"allowed_tools", allowed_tools:{mode, tools}}`, or flat as in the Responses API: a subset for this turn. */
function allowedTools(value: JsonObject, list: ToolList): { tools: readonly Tool[]; toolChoice: ToolChoice } {
  const flat = value.allowed_tools === undefined && value.tools !== undefined;
  const path = flat ? root : at(root, 'allowed_tools');
  const allowed = flat ? value : objectAt(value.allowed_tools, path);
  const mode = allowed.mode ?? 'auto';
  if (mode !== 'auto' && mode !== 'required') throw invalid(at(path, 'mode'), `must be auto or required, got ${quoted(mode)}`);
  const names = allowedNames(allowed.tools, at(path, 'tools'));
  const tools = list.tools.filter((tool) => names.has(tool.name));
  if (tools.length === 0) throw invalid(at(path, 'tools'), 'names no tool that is in tools');
  return { tools, toolChoice: { type: mode === 'required' ? 'any' : 'auto' } };
}

function allowedNames(value: unknown, path: Path): Set<string> {
  if (!Array.isArray(value)) throw invalid(path, `must be an array, got ${describe(value)}`);
  const names = new Set<string>();
  for (let index = 0; index < value.length; index++) {
    const itemPath = at(path, index);
    const item = objectAt(value[index], itemPath);
    const holder = isObject(item.function) ? item.function : item;
    names.add(filledStringAt(holder.name, at(itemPath, 'name')));
  }
  return names;
}
