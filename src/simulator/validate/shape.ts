/** Small readers for unknown JSON; what does not fit is an improperly formed request. */
import { improper } from '../refusals.js';

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function objectAt(value: unknown, path: string): Json {
  if (!isObject(value)) throw improper('shape.object', path);
  return value;
}

export function optionalObjectAt(value: unknown, path: string): Json | undefined {
  return value === undefined || value === null ? undefined : objectAt(value, path);
}

export function stringAt(value: unknown, path: string): string {
  if (typeof value !== 'string') throw improper('shape.string', path);
  return value;
}

/** Missing or null reads as empty. */
export function listAt(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw improper('shape.list', path);
  return value;
}

/** Exactly one of these members and nothing else; returns its name. */
export function oneOf<Name extends string>(value: Json, names: readonly Name[], rule: string, path: string): Name {
  const keys = Object.keys(value);
  const name = names.find((candidate) => candidate === keys[0]);
  if (keys.length !== 1 || name === undefined) throw improper(rule, path);
  return name;
}
