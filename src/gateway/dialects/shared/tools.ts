/** Tool definitions of both APIs, with the spellings clients use, into our form. */
import type { Tool } from '../../../upstreams/define.js';
import { clientTools } from './clientTools.js';
import { filledStringAt, isObject, type JsonObject, objectAt, stringAt } from './guards.js';
import { assertDepth } from './json.js';
import { at, describe, invalid, type Path, quoted } from './path.js';

export interface ToolList {
  readonly tools: readonly Tool[];
  /** Names of Anthropic server tools that were left out; the upstream cannot run them (pitfall 20). */
  readonly dropped: ReadonlySet<string>;
}

/** Anthropic runs these itself; the type decides, never the name: a user tool may be *named* web_search. */
const serverTool = /^(web_search|web_fetch|code_execution|tool_search|advisor|mcp_toolset)/;
const dated = /_\d{8}$/;
/** Client tools whose schema is the model vendor's secret: leaving them out would change what the model can do. */
const unsupportedTool = /^(computer|browser)_/;

const emptySchema = { type: 'object', properties: {} };

/** Reads `tools`. The first of two tools with one name wins. Throws AppError `invalid_request` with the path. */
export function readTools(value: unknown): ToolList {
  const root = at(null, 'tools');
  const dropped = new Set<string>();
  if (value === undefined || value === null) return { tools: [], dropped };
  if (!Array.isArray(value)) throw invalid(root, `must be an array, got ${describe(value)}`);
  const tools = new Map<string, Tool>();
  for (let index = 0; index < value.length; index++) {
    const path = at(root, index);
    const item = objectAt(value[index], path);
    const tool = readTool(item, path);
    if (tool === null) dropped.add(typeof item.name === 'string' ? item.name : String(item.type));
    else if (!tools.has(tool.name)) tools.set(tool.name, tool);
  }
  return { tools: [...tools.values()], dropped };
}

function readTool(item: JsonObject, path: Path): Tool | null {
  const type = item.type;
  if (type !== undefined && type !== null && type !== 'function' && type !== 'custom') {
    const typePath = at(path, 'type');
    const name = stringAt(type, typePath);
    if (serverTool.test(name)) return null;
    const known = clientTools(name);
    if (known !== null) return { ...known, name: filledStringAt(item.name, at(path, 'name')) };
    if (unsupportedTool.test(name)) throw invalid(typePath, `is not supported: ${quoted(name)}`);
    if (dated.test(name)) return null;
    if (!isObject(item.input_schema) && !isObject(item.parameters)) throw invalid(typePath, `is not supported: ${quoted(name)}`);
  }
  if (type === 'custom' && isObject(item.custom))
    throw invalid(at(path, 'type'), 'free-form custom tools are not supported; use a function');
  if (item.function !== undefined && item.function !== null) {
    const inner = at(path, 'function');
    return definition(objectAt(item.function, inner), inner);
  }
  return definition(item, path);
}

/** A flat definition, in either API's spelling of the schema. */
export function definition(source: JsonObject, path: Path): Tool {
  const description = source.description ?? '';
  const key = source.input_schema !== undefined ? 'input_schema' : 'parameters';
  const schema = source[key] ?? emptySchema;
  if (!isObject(schema)) throw invalid(at(path, key), `must be a JSON Schema object, got ${describe(schema)}`);
  assertDepth(schema, at(path, key));
  return {
    name: filledStringAt(source.name, at(path, 'name')),
    description: stringAt(description, at(path, 'description')),
    inputSchema: schema,
  };
}
