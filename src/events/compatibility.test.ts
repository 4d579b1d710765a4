import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { breakingChanges, type JsonSchema } from './compatibility.js';

const json = (schema: z.ZodType): JsonSchema => z.toJSONSchema(schema) as JsonSchema;
const before = z.object({
  name: z.string().max(10),
  kind: z.enum(['a', 'b']),
  at: z.int().nullable(),
  list: z.array(z.object({ n: z.int() })),
});
const changed = (schema: z.ZodType): string[] => breakingChanges(json(before), json(schema));

describe('what breaks nobody', () => {
  test('the same schema', () => expect(changed(before)).toEqual([]));
  test('a new optional member', () => expect(changed(before.extend({ note: z.string().optional() }))).toEqual([]));
  test('a new choice', () => expect(changed(before.extend({ kind: z.enum(['a', 'b', 'c']) }))).toEqual([]));
  test('wider bounds', () => expect(changed(before.extend({ name: z.string().max(20) }))).toEqual([]));
});

describe('what wants a new version', () => {
  test('a member that is gone', () => expect(changed(before.omit({ name: true }))).toContain('name: is gone'));
  test('a new required member', () => expect(changed(before.extend({ note: z.string() }))).toEqual(['note: is required now']));
  test('a member that may be absent', () => expect(changed(before.partial({ name: true }))).toEqual(['name: may be absent now']));
  test('another type', () => expect(changed(before.extend({ name: z.int() }))[0]).toContain('name: type'));
  test('a choice that is gone', () => expect(changed(before.extend({ kind: z.enum(['a']) }))).toEqual(['kind: b is no choice any more']));
  test('narrower bounds', () =>
    expect(changed(before.extend({ name: z.string().max(5) }))).toEqual(['name: maxLength is narrower than it was']));
  test('null that is no longer allowed', () => expect(changed(before.extend({ at: z.int() }))).not.toEqual([]));
  test('a change deep inside', () => {
    expect(changed(before.extend({ list: z.array(z.object({ n: z.int(), m: z.int() })) }))).toEqual(['list[].m: is required now']);
  });
});
