/** Turns a schema's complaints into one 400 that names the field. */
import type { z } from 'zod';
import { AppError } from '../../errors.js';
import { safeText } from '../../shared/safeText.js';
import { type SchemaIssue, schemaIssue, valueAt } from '../../shared/schemaIssue.js';
import { rangeAt } from './numberRange.js';

/** Parses or throws `invalid_request` with the first fault's path as `param`, and beside the message `issue`: the same as facts. */
export function validate<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (!issue) throw new AppError('invalid_request');
  const { message, param, told } = describe(issue, schema, value);
  throw new AppError('invalid_request', { message, param, extra: { issue: told } });
}

interface Described {
  readonly message: string;
  readonly param: string;
  readonly told: SchemaIssue;
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType, value: unknown): Described {
  const told = schemaIssue(issue, valueAt(value, issue.path));
  if (issue.code === 'unrecognized_keys') {
    const param = pathText([...issue.path, ...issue.keys.slice(0, 1)]);
    return { message: `Unknown field: ${param}.`, param, told };
  }
  const branch = closestBranch(issue);
  if (branch) return describe({ ...branch, path: [...issue.path, ...branch.path] }, schema, value);
  const param = pathText(issue.path) || 'body';
  const range = rangeAt(schema, issue.path);
  if (range === undefined) return { message: safeText(`${param}: ${issue.message}`, 300), param, told };
  const { min, max, text } = range;
  return { message: safeText(`${param} ${text}`, 300), param, told: told.code === 'required' ? told : { code: 'range', min, max } };
}

/** Of a union's complaints the one that got furthest into the value: most likely what the caller meant. */
function closestBranch(issue: z.core.$ZodIssue): z.core.$ZodIssue | undefined {
  if (issue.code !== 'invalid_union') return undefined;
  const firsts = issue.errors.flatMap((issues) => issues.slice(0, 1));
  return firsts.sort((a, b) => b.path.length - a.path.length).find((first) => first.path.length > 0);
}

/** `a.b[0].c` */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += (text === '' ? '' : '.') + safeText(String(part), 100);
  }
  return text;
}
