import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { cleanSchema } from './schema.js';

const property = (schema: unknown): unknown =>
  (cleanSchema({ type: 'object', properties: { a: schema } }).properties as Record<string, unknown>).a;

describe('pitfall 18: tool schemas', () => {
  it('keeps properties that are called like keywords', () => {
    const properties = {
      type: { type: 'string' },
      format: { type: 'string' },
      pattern: { type: 'string' },
      $ref: { type: 'string' },
      required: { type: 'boolean' },
      properties: { type: 'object', properties: { default: { type: 'number' } } },
    };
    expect(cleanSchema({ type: 'object', properties, required: ['type', 'format'] })).toEqual({
      type: 'object',
      properties,
      required: ['type', 'format'],
    });
  });

  it('strips what the upstream refuses, at every depth', () => {
    const noisy = {
      type: 'string',
      format: 'date',
      pattern: '^a',
      minLength: 1,
      maxLength: 9,
      default: 'a',
      examples: ['a'],
      $comment: 'c',
      contentEncoding: 'base64',
      description: 'd',
    };
    expect(property(noisy)).toEqual({ type: 'string', description: 'd' });
    expect(property({ type: 'array', items: { ...noisy }, minItems: 1, uniqueItems: true, contains: {} })).toEqual({
      type: 'array',
      items: { type: 'string', description: 'd' },
    });
    expect(
      property({
        type: 'object',
        additionalProperties: false,
        patternProperties: {},
        propertyNames: {},
        not: {},
        if: {},
        // biome-ignore lint/suspicious/noThenProperty: it is a keyword of JSON Schema
        then: {},
        else: {},
        unevaluatedProperties: false,
        dependentRequired: {},
      }),
    ).toEqual({ type: 'object' });
  });

  it.each([[null], [[]], ['a'], [['ghost']]])('drops required: %j', (required) => {
    expect(cleanSchema({ type: 'object', properties: { a: {} }, required })).toEqual({ type: 'object', properties: { a: {} } });
  });

  it('turns const into enum, boolean schemas into "anything", tuples into "any of these"', () => {
    expect(property({ const: 'x' })).toEqual({ enum: ['x'] });
    expect([property(true), property(false)]).toEqual([{}, {}]);
    expect(property({ type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }] })).toEqual({
      type: 'array',
      items: { anyOf: [{ type: 'string' }, { type: 'number' }] },
    });
    expect(property({ type: 'array', items: [{ type: 'string' }] })).toEqual({ type: 'array', items: { anyOf: [{ type: 'string' }] } });
  });

  it('flattens a root choice: allOf merges required, the others drop it', () => {
    const a = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
    const b = { type: 'object', properties: { b: { type: 'number' } }, required: ['b'] };
    expect(cleanSchema({ allOf: [a, b] })).toEqual({
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'number' } },
      required: ['a', 'b'],
    });
    expect(cleanSchema({ anyOf: [a, b] })).toEqual({ type: 'object', properties: { a: { type: 'string' }, b: { type: 'number' } } });
    expect(cleanSchema({ ...a, oneOf: [b] })).toEqual({
      type: 'object',
      properties: { b: { type: 'number' }, a: { type: 'string' } },
      required: ['a'],
    });
  });

  it('wraps a root that is no object, and makes an object of nothing', () => {
    expect(cleanSchema({ type: 'array', items: { type: 'string' } })).toEqual({
      type: 'object',
      properties: { value: { type: 'array', items: { type: 'string' } } },
      required: ['value'],
    });
    for (const nothing of [undefined, null, true, 'x', [], {}]) expect(cleanSchema(nothing)).toEqual({ type: 'object', properties: {} });
  });

  it('inlines references and ends recursive ones', () => {
    const schema = {
      type: 'object',
      properties: { node: { $ref: '#/$defs/Node' }, odd: { $ref: 'https://example.com/x' }, slash: { $ref: '#/$defs/a~1b' } },
      $defs: {
        Node: { type: 'object', properties: { next: { $ref: '#/$defs/Node' }, name: { type: 'string' } } },
        'a/b': { type: 'number' },
      },
    };
    expect(cleanSchema(schema).properties).toEqual({
      node: { type: 'object', properties: { next: { type: 'object' }, name: { type: 'string' } } },
      odd: {},
      slash: { type: 'number' },
    });
  });

  it('does not explode on references that double at every step', () => {
    const defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [
        `d${at}`,
        { type: 'object', properties: { l: { $ref: `#/$defs/d${at + 1}` }, r: { $ref: `#/$defs/d${at + 1}` } } },
      ]),
    );
    expect(JSON.stringify(cleanSchema({ type: 'object', properties: { a: { $ref: '#/$defs/d0' } }, $defs: defs })).length).toBeLessThan(
      2_000_000,
    );
  });

  it('takes what zod v4 writes', () => {
    const schema = z.toJSONSchema(
      z.object({
        path: z.string().min(1).describe('where'),
        lines: z.array(z.int()).optional(),
        mode: z.enum(['a', 'b']).default('a'),
        either: z.union([z.string(), z.null()]),
      }),
    );
    expect(cleanSchema(schema)).toEqual({
      type: 'object',
      properties: {
        path: { type: 'string', description: 'where' },
        lines: { type: 'array', items: { type: 'integer' } },
        mode: { type: 'string', enum: ['a', 'b'] },
        either: { type: ['string', 'null'] },
      },
      required: ['path', 'mode', 'either'],
    });
  });

  it('makes an object schema of any JSON, and cleaning twice changes nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const clean = cleanSchema(value);
        expect(clean.type).toBe('object');
        expect(cleanSchema(clean)).toEqual(clean);
      }),
    );
  });
});
