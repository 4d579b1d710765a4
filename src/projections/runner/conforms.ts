/**
 * Tells fast whether data is already exactly what its schema would make of it, so that zod need not build it anew: most events
 * come as their producer's schema left them. zod takes 10 µs for a terminal event, this takes one.
 */
import type { z } from 'zod';

type Check = (value: unknown) => boolean;

/** What is read of zod's own definitions (`_zod.def`, its interface for libraries). */
interface Definition {
  readonly type: string;
  readonly format?: string;
  readonly pattern?: RegExp;
  readonly checks?: readonly { readonly _zod: { readonly def: CheckDefinition } }[];
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly catchall?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly entries?: Readonly<Record<string, string | number>>;
  readonly values?: readonly unknown[];
  readonly coerce?: boolean;
}

interface CheckDefinition {
  readonly check: string;
  readonly value?: number;
  readonly inclusive?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly tx?: (value: unknown) => unknown;
}

/**
 * True only where `schema.parse(value)` gives an equal value, its keys in the same order; false says nothing. null: the schema
 * holds a kind that is not known here.
 */
export function conformsTo(schema: z.core.$ZodType): Check | null {
  const def = schema._zod.def as unknown as Definition;
  const base = def.coerce ? null : baseOf(def);
  if (base === null) return null;
  // A format is its own first check.
  const checks = (def.checks ?? []).map(({ _zod }) => checkOf(_zod.def));
  if (checks.length === 0) return base;
  if (checks.includes(null)) return null;
  const all = checks as readonly Check[];
  return (value) => base(value) && all.every((check) => check(value));
}

function baseOf(def: Definition): Check | null {
  switch (def.type) {
    case 'string':
      return stringCheck(def);
    case 'number':
      return numberCheck(def);
    case 'boolean':
      return (value) => typeof value === 'boolean';
    case 'enum':
      return oneOf(Object.values(def.entries ?? {}));
    case 'literal':
      return oneOf(def.values ?? []);
    case 'nullable':
      return nullableCheck(def);
    case 'array':
      return arrayCheck(def);
    case 'object':
      return objectCheck(def);
    case 'union':
      return unionCheck(def);
    default:
      return null;
  }
}

function stringCheck({ format, pattern }: Definition): Check | null {
  if (format === undefined) return (value) => typeof value === 'string';
  if (format !== 'uuid' || pattern === undefined) return null;
  return (value) => typeof value === 'string' && pattern.test(value);
}

function numberCheck({ format }: Definition): Check | null {
  if (format === undefined) return Number.isFinite;
  return format === 'safeint' ? Number.isSafeInteger : null;
}

function oneOf(values: readonly unknown[]): Check {
  const known = new Set(values);
  return (value) => known.has(value);
}

function nullableCheck({ innerType }: Definition): Check | null {
  const inner = innerType ? conformsTo(innerType) : null;
  return inner && ((value) => value === null || inner(value));
}

function arrayCheck({ element }: Definition): Check | null {
  const inner = element ? conformsTo(element) : null;
  return (
    inner &&
    ((value) => {
      if (!Array.isArray(value)) return false;
      for (const item of value) if (!inner(item)) return false;
      return true;
    })
  );
}

/** All keys of the shape, in its order, and no other. */
function objectCheck({ shape, catchall }: Definition): Check | null {
  if (catchall !== undefined) return null;
  const names = Object.keys(shape ?? {});
  const inners: Check[] = [];
  for (const name of names) {
    const inner = shape?.[name] && conformsTo(shape[name]);
    if (!inner) return null;
    inners.push(inner);
  }
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    let at = 0;
    for (const name in value) {
      const inner = inners[at];
      if (inner === undefined || name !== names[at] || !inner((value as Readonly<Record<string, unknown>>)[name])) return false;
      at += 1;
    }
    return at === names.length;
  };
}

/** The first that takes a value decides what becomes of it: where one before might have, zod has to say. */
function unionCheck({ options }: Definition): Check | null {
  const [first, ...rest] = (options ?? []).map(conformsTo);
  return first && rest.length > 0 ? first : null;
}

function checkOf(def: CheckDefinition): Check | null {
  const { value: bound = 0, inclusive = false, minimum = 0, maximum = 0, tx } = def;
  switch (def.check) {
    case 'greater_than':
      return inclusive ? (value) => (value as number) >= bound : (value) => (value as number) > bound;
    case 'less_than':
      return inclusive ? (value) => (value as number) <= bound : (value) => (value as number) < bound;
    case 'min_length':
      return (value) => (value as { length: number }).length >= minimum;
    case 'max_length':
      return (value) => (value as { length: number }).length <= maximum;
    case 'overwrite':
      return tx ? (value) => tx(value) === value : null;
    default:
      return null;
  }
}
