/** A schema's complaint as facts instead of words, so that a page can say it in its reader's language. */
import type { z } from 'zod';

/** `code` is one of `required`, `type`, `unknown_field`, `too_short`, `too_long`, `too_few`, `too_many`, `range`, `format`, `choice`, `invalid`. */
export interface SchemaIssue {
  readonly code: string;
  /** Least and most: characters, entries, or the number itself. */
  readonly min?: number;
  readonly max?: number;
  /** Of `format`: `email`, `url`, `datetime`, … */
  readonly format?: string;
}

/** `value`: what was given at the issue's path; undefined where nothing was. */
export function schemaIssue(issue: z.core.$ZodIssue, value: unknown): SchemaIssue {
  switch (issue.code) {
    case 'too_small': {
      if (issue.minimum === 1 && typeof value === 'string') return { code: 'required' };
      return { code: code(issue.origin, 'too_short', 'too_few'), min: Number(issue.minimum) };
    }
    case 'too_big':
      return { code: code(issue.origin, 'too_long', 'too_many'), max: Number(issue.maximum) };
    case 'invalid_type':
      return { code: value === undefined ? 'required' : 'type' };
    case 'unrecognized_keys':
      return { code: 'unknown_field' };
    case 'invalid_value':
      return { code: 'choice' };
    case 'invalid_format':
      return issue.format === 'regex' ? { code: 'invalid' } : { code: 'format', format: issue.format };
    default:
      return { code: 'invalid' };
  }
}

function code(origin: string, text: string, list: string): string {
  if (origin === 'string') return text;
  return origin === 'array' || origin === 'set' ? list : 'range';
}

/** What stands at `path` of `value`. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Readonly<Record<PropertyKey, unknown>>)[part];
  }
  return here;
}
