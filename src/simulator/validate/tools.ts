/** Tool specifications: names, descriptions and the narrow JSON Schema the service takes (kiro-protocol B10). */
import type { SimModel } from '../models.js';
import { bodyInvalid, improper, schemaInvalid } from '../refusals.js';
import { isObject, listAt, objectAt, oneOf, stringAt } from './shape.js';

export const toolIdPattern = /^[a-zA-Z0-9_-]{1,64}$/;
export const MAX_DESCRIPTION = 10_000;
/** What GPT was seen to take. */
export const MAX_GPT_DESCRIPTION = 9_216;
const MAX_SCHEMA_DEPTH = 64;

/** Keywords that make a schema invalid wherever they stand; properties of these names are fine. */
const refusedKeywords =
  /^(additionalProperties|\$schema|\$ref|\$defs|definitions|pattern|format|exclusiveM(in|ax)imum|(min|max)(imum|Length|Items|Properties|Contains)|uniqueItems|if|then|else|patternProperties|propertyNames|dependent\w*|dependencies|unevaluated\w*|contains|content\w+|not|default|const)$/;
const refusedAtRoot = ['oneOf', 'anyOf', 'allOf'];

function checkRequired(value: unknown, path: string): void {
  if (!Array.isArray(value) || value.length === 0 || value.some((name) => typeof name !== 'string')) {
    throw schemaInvalid('schema.required', path);
  }
}

function checkSubschemas(keyword: string, value: unknown, path: string, depth: number): void {
  if (keyword === 'properties') {
    if (!isObject(value)) throw schemaInvalid('schema.properties', path);
    for (const [name, schema] of Object.entries(value)) checkSchema(schema, `${path}.${name}`, depth + 1);
  } else if (keyword === 'items') {
    checkSchema(value, path, depth + 1);
  } else if (refusedAtRoot.includes(keyword)) {
    if (!Array.isArray(value)) throw schemaInvalid('schema.alternatives', path);
    for (const [i, schema] of value.entries()) checkSchema(schema, `${path}[${i}]`, depth + 1);
  }
}

function checkSchema(schema: unknown, path: string, depth: number): void {
  if (!isObject(schema) || depth > MAX_SCHEMA_DEPTH) throw schemaInvalid('schema.shape', path);
  for (const [keyword, value] of Object.entries(schema)) {
    const at = `${path}.${keyword}`;
    if (refusedKeywords.test(keyword)) throw schemaInvalid('schema.keyword', at);
    if (keyword === 'required') checkRequired(value, at);
    else checkSubschemas(keyword, value, at, depth);
  }
}

/** Throws Refusal unless `schema` is an object schema without anything the service refuses. */
export function checkInputSchema(schema: unknown, path: string): void {
  if (!isObject(schema) || schema.type !== 'object') throw schemaInvalid('schema.root', path);
  for (const keyword of refusedAtRoot) if (keyword in schema) throw schemaInvalid('schema.root', `${path}.${keyword}`);
  checkSchema(schema, path, 0);
}

function checkSpecification(value: unknown, path: string, model: SimModel, names: Set<string>): void {
  const tool = objectAt(value, path);
  const name = stringAt(tool.name, `${path}.name`);
  if (!toolIdPattern.test(name)) throw improper('tool.name', `${path}.name`);
  if (names.has(name)) throw improper('tool.duplicate', `${path}.name`);
  names.add(name);
  const description = stringAt(tool.description, `${path}.description`);
  if (description.trim() === '') throw improper('tool.description', `${path}.description`);
  const most = model.family === 'gpt' ? MAX_GPT_DESCRIPTION : MAX_DESCRIPTION;
  if ([...description].length > most || !description.isWellFormed()) throw improper('tool.description', `${path}.description`);
  checkInputSchema(objectAt(tool.inputSchema, `${path}.inputSchema`).json, `${path}.inputSchema.json`);
}

/** Checks all entries and returns the names offered. Throws Refusal. */
export function checkTools(value: unknown, path: string, model: SimModel): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [i, entry] of listAt(value, path).entries()) {
    const at = `${path}[${i}]`;
    const tool = objectAt(entry, at);
    if (oneOf(tool, ['toolSpecification', 'cachePoint'], 'tool.entry', at) === 'toolSpecification') {
      checkSpecification(tool.toolSpecification, `${at}.toolSpecification`, model, names);
    } else if (!model.promptCache || objectAt(tool.cachePoint, at).type !== 'default') {
      throw bodyInvalid('Invalid cachePoint.', 'tool.cachePoint', at);
    }
  }
  return names;
}
