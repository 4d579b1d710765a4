/** JSON output asked of a model whose upstream has no field for it: said in the system text. */
import type { TextPart } from '../../../upstreams/define.js';
import { isObject, type JsonObject, objectAt } from './guards.js';
import { jsonText } from './json.js';
import { at, describe, invalid, type Path, quoted } from './path.js';

const ONLY_JSON = 'Answer with one JSON object and nothing else: no other words, no code fence.';

/** OpenAI `response_format` or Anthropic `output_config.format`; null where plain text is wanted. */
export function outputInstruction(value: unknown, path: Path): TextPart | null {
  if (value === undefined || value === null) return null;
  const format = objectAt(value, path);
  switch (format.type) {
    case 'text':
      return null;
    case 'json_object':
      return { type: 'text', text: ONLY_JSON };
    case 'json_schema':
      return { type: 'text', text: `${ONLY_JSON} It must be valid against this JSON Schema:\n${schemaText(format, path)}` };
    default:
      throw invalid(at(path, 'type'), `must be text, json_object or json_schema, got ${quoted(format.type)}`);
  }
}

function schemaText(format: JsonObject, path: Path): string {
  const wrapped = format.json_schema !== undefined;
  const holderPath = wrapped ? at(path, 'json_schema') : path;
  const schema = wrapped ? objectAt(format.json_schema, holderPath).schema : format.schema;
  if (!isObject(schema)) throw invalid(at(holderPath, 'schema'), `must be a JSON Schema object, got ${describe(schema)}`);
  return jsonText(schema, at(holderPath, 'schema'));
}
