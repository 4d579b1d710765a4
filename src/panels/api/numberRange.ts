/** Says which numbers a field takes, so that a refusal names the whole range and not only the bound that was crossed. */
import { z } from 'zod';

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** `must be an integer from 1 to 100000, or null` */
  readonly text: string;
}

/**
 * The range of the number with two finite bounds that lies at `path` of `schema`;
 * undefined where there is none.
 */
export function rangeAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): NumberRange | undefined {
  let here: z.core.$ZodType | undefined = schema;
  let nullable = false;
  for (const part of [...path, undefined]) {
    for (let inner = wrapped(here); inner !== undefined; inner = wrapped(here)) {
      if (here instanceof z.ZodNullable) nullable = true;
      here = inner;
    }
    if (part === undefined) break;
    nullable = false;
    here = member(here, part);
  }
  if (!(here instanceof z.ZodNumber)) return undefined;
  const { minValue: least, maxValue: most, format } = here;
  if (least === null || most === null || !Number.isFinite(least) || !Number.isFinite(most)) return undefined;
  const kind = format === 'safeint' ? 'an integer' : 'a number';
  return { min: least, max: most, text: `must be ${kind} from ${least} to ${most}${nullable ? ', or null' : ''}` };
}

function wrapped(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) return schema.unwrap();
  return schema instanceof z.ZodPipe ? schema.in : undefined;
}

function member(schema: z.core.$ZodType | undefined, part: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodArray) return schema.element;
  if (!(schema instanceof z.ZodObject) || !Object.hasOwn(schema.shape, part)) return undefined;
  return schema.shape[part as string] as z.core.$ZodType | undefined;
}
