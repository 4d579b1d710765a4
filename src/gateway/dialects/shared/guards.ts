/** Type guards of the parsers' hot loops, and the bridge from zod's findings to our refusals. */
import type { z } from 'zod';
import { AppError } from '../../../errors.js';
import { describe, invalid, keysText, type Path } from './path.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectAt(value: unknown, path: Path | string): JsonObject {
  if (!isObject(value)) throw invalid(path, `must be an object, got ${describe(value)}`);
  return value;
}

export function stringAt(value: unknown, path: Path): string {
  if (typeof value !== 'string') throw invalid(path, `must be a string, got ${describe(value)}`);
  return value;
}

export function filledStringAt(value: unknown, path: Path): string {
  if (typeof value !== 'string' || value === '') throw invalid(path, `must be a non-empty string, got ${describe(value)}`);
  return value;
}

/** Is there anything but white space in it? */
export function isFilled(text: string): boolean {
  return /\S/.test(text);
}

/** The body as an object; anything else is a 400 on `body`. */
export function bodyObject(body: unknown): JsonObject {
  return objectAt(body, 'body');
}

/** Runs a schema over the top-level options; the first finding becomes AppError `invalid_request` with its path. */
export function checked<T>(schema: z.ZodType<T>, body: JsonObject): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw new AppError('invalid_request');
  throw invalid(keysText(issue.path) || 'body', lowerFirst(issue.message));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
