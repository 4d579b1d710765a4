/** Turns a schema's complaints into one 400 that names the field. */
import type { z } from 'zod';
import { AppError } from '../../errors.js';
import { safeText } from '../../shared/safeText.js';
import { rangeAt } from './numberRange.js';

/** Parses or throws `invalid_request` with the first fault's path as `param`. */
export function validate<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (!issue) throw new AppError('invalid_request');
  throw new AppError('invalid_request', describe(issue, schema));
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType): { message: string; param: string } {
  if (issue.code === 'unrecognized_keys') {
    const param = pathText([...issue.path, ...issue.keys.slice(0, 1)]);
    return { message: `Unknown field: ${param}.`, param };
  }
  const branch = closestBranch(issue);
  if (branch) return describe({ ...branch, path: [...issue.path, ...branch.path] }, schema);
  const param = pathText(issue.path) || 'body';
  const range = rangeAt(schema, issue.path);
  return { message: safeText(range === undefined ? `${param}: ${issue.message}` : `${param} ${range}`, 300), param };
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
