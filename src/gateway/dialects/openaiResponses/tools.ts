/** Tool definitions of the Responses API. Free-form tools become functions with one string; namespaces become part of the name. */
import type { Tool } from '../../../upstreams/define.js';
import { filledStringAt, isObject, type JsonObject, objectAt, stringAt } from '../shared/guards.js';
import { jsonText } from '../shared/json.js';
import { at, describe, invalid, type Path, quoted } from '../shared/path.js';
import { definition, type ToolList } from '../shared/tools.js';
import { flatName, SEARCH_TOOL, type ToolForm, type ToolForms } from './names.js';

/** A list of tools and where it stands; items of `input` may bring some as well. */
export interface ToolSource {
  readonly value: unknown;
  readonly path: Path;
}

export interface ResponseTools {
  readonly list: ToolList;
  readonly forms: ToolForms;
}

/** OpenAI runs these itself; clients offer them by default, and the model does without. */
const hostedTool = /^(web_search|image_generation|tool_search)/;

interface Collected {
  readonly tools: Map<string, Tool>;
  readonly forms: Map<string, ToolForm>;
  readonly dropped: Set<string>;
}

/** Reads all lists as one. The first of two tools with one name wins. Throws AppError `invalid_request` with the path. */
export function readResponseTools(sources: readonly ToolSource[]): ResponseTools {
  const into: Collected = { tools: new Map(), forms: new Map(), dropped: new Set() };
  for (const { value, path } of sources) readList(value, path, null, into);
  return { list: { tools: [...into.tools.values()], dropped: into.dropped }, forms: into.forms };
}

function readList(value: unknown, path: Path, namespace: string | null, into: Collected): void {
  if (value === undefined || value === null) return;
  if (!Array.isArray(value)) throw invalid(path, `must be an array, got ${describe(value)}`);
  for (let index = 0; index < value.length; index++) {
    const itemPath = at(path, index);
    readOne(objectAt(value[index], itemPath), itemPath, namespace, into);
  }
}

function readOne(item: JsonObject, path: Path, namespace: string | null, into: Collected): void {
  const type = item.type ?? 'function';
  if (type === 'function') add('function', functionTool(item, path), namespace, into);
  else if (type === 'custom') add('custom', freeformTool(item, path), namespace, into);
  else if (type === 'namespace' && namespace === null) {
    readList(item.tools, at(path, 'tools'), filledStringAt(item.name, at(path, 'name')), into);
  } else if (type === SEARCH_TOOL && item.execution === 'client' && namespace === null) {
    add('search', definition({ ...item, name: SEARCH_TOOL }, path), null, into);
  } else if (typeof type === 'string' && hostedTool.test(type)) into.dropped.add(type);
  else throw invalid(at(path, 'type'), `is not supported: ${quoted(type)}; function, custom and namespace tools are`);
}

function add(kind: ToolForm['kind'], tool: Tool, namespace: string | null, into: Collected): void {
  const name = flatName(namespace, tool.name);
  if (into.tools.has(name)) return;
  into.tools.set(name, { ...tool, name });
  if (kind !== 'function' || namespace !== null) into.forms.set(name, { kind, name: tool.name, namespace });
}

/** Flat, or wrapped as chat completions have it. */
function functionTool(item: JsonObject, path: Path): Tool {
  if (item.function === undefined || item.function === null) return definition(item, path);
  return definition(objectAt(item.function, at(path, 'function')), at(path, 'function'));
}

/** A tool that takes raw text. The model is offered a function with that text as its one member. */
function freeformTool(item: JsonObject, path: Path): Tool {
  const told = [stringAt(item.description ?? '', at(path, 'description')), 'Give the raw text as the string `input`.', grammar(item, path)];
  return {
    name: filledStringAt(item.name, at(path, 'name')),
    description: told.filter((line) => line !== '').join('\n'),
    inputSchema: {
      type: 'object',
      properties: { input: { type: 'string', description: 'The raw text' } },
      required: ['input'],
      additionalProperties: false,
    },
  };
}

/** The wished grammar in words; no upstream holds a model to it. */
function grammar(item: JsonObject, path: Path): string {
  const format = item.format;
  if (!isObject(format) || format.type !== 'grammar') return '';
  const formatPath = at(path, 'format');
  // Older clients wrap what newer ones write flat.
  const inner = isObject(format.grammar) ? format.grammar : format;
  const syntax = typeof inner.syntax === 'string' ? inner.syntax : 'given';
  const text = typeof inner.definition === 'string' ? inner.definition : jsonText(inner, formatPath);
  return `It must match this ${syntax} grammar:\n${text}`;
}
