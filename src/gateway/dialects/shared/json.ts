/** JSON that clients put inside JSON: tool arguments as text, nested results, depth. */
import { isObject, type JsonObject } from './guards.js';
import { describe, invalid, type Path } from './path.js';

/** Deeper than any schema or argument seen in the wild; recursive code below us must not overflow its stack. */
const MAX_DEPTH = 128;

/** Refuses values nested deeper than `MAX_DEPTH` levels with a 400 on `path`. */
export function assertDepth(value: unknown, path: Path): void {
  if (isDeeper(value, MAX_DEPTH)) throw invalid(path, `is nested deeper than ${MAX_DEPTH} levels`);
}

function isDeeper(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (left === 0) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (isDeeper(item, left - 1)) return true;
    return false;
  }
  for (const key in value) if (isDeeper((value as JsonObject)[key], left - 1)) return true;
  return false;
}

/** `JSON.stringify` for a client's value, refused where it is nested too deeply to be written. */
export function jsonText(value: unknown, path: Path): string {
  assertDepth(value, path);
  return JSON.stringify(value);
}

/**
 * Tool arguments from a client's history: an object, or JSON text of one. Both APIs take any text there, and models
 * do write broken JSON, so text that is no object is kept under `arguments` instead of making the conversation unusable.
 */
export function toolInput(value: unknown, path: Path): JsonObject {
  if (value === undefined || value === null) return {};
  if (isObject(value)) {
    assertDepth(value, path);
    return value;
  }
  if (typeof value !== 'string') throw invalid(path, `must be an object or JSON text, got ${describe(value)}`);
  if (value.trim() === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    return { arguments: value };
  }
  if (parsed === null) return {};
  assertDepth(parsed, path);
  return isObject(parsed) ? parsed : { arguments: parsed };
}
