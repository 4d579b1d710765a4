import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { AppError } from '../../errors.js';
import { ids, limit, queryTime, requiredText } from './fields.js';
import { validate } from './validate.js';

function fault(schema: z.ZodType, value: unknown): AppError {
  try {
    validate(schema, value);
  } catch (error) {
    return error as AppError;
  }
  throw new Error('was accepted');
}

describe('a refused value', () => {
  const schema = z.strictObject({ name: z.string(), list: z.array(z.strictObject({ id: z.string() })).optional() });

  it.each([
    [{ name: 1 }, 'name'],
    [{}, 'name'],
    [{ name: 'a', extra: 1 }, 'extra'],
    [{ name: 'a', list: [{ id: 'x' }, { id: 2 }] }, 'list[1].id'],
    [{ name: 'a', list: [{ id: 'x', more: true }] }, 'list[0].more'],
    [JSON.parse('{"name":"a","__proto__":{"admin":true}}'), '__proto__'],
    ['text', 'body'],
    [null, 'body'],
    [[], 'body'],
  ])('names the field at fault: %j', (value, param) => {
    expect(fault(schema, value)).toMatchObject({ code: 'invalid_request', status: 400, param });
  });

  it('names the field inside the branch of a union that fits best', () => {
    const union = z.union([z.strictObject({ a: z.strictObject({ b: z.string() }) }), z.string()]);
    expect(fault(union, { a: { b: 1 } }).param).toBe('a.b');
  });

  it.each([0, 100_001, 1.5, -3, 2 ** 60, Number.NaN, Number.POSITIVE_INFINITY, '10', 'NaN', true, [5], {}])(
    'names the whole range of a number: %j',
    (value) => {
      const limits = z.strictObject({
        deep: z.array(z.strictObject({ rpm: z.int().min(1).max(100_000).nullable().optional() })).default([]),
      });
      expect(fault(limits, { deep: [{ rpm: value }] })).toMatchObject({
        param: 'deep[0].rpm',
        message: 'deep[0].rpm must be an integer from 1 to 100000, or null',
      });
      expect(fault(z.strictObject({ share: z.number().min(0).max(1) }), { share: [value] }).message).toBe(
        'share must be a number from 0 to 1',
      );
    },
  );

  it('leaves the words of other faults alone', () => {
    expect(fault(z.strictObject({ n: z.number() }), { n: 'x' }).message).toMatch(/^n: /);
    expect(fault(z.strictObject({ n: z.array(z.int().min(1).max(9)).max(1) }), { n: [1, 2] }).message).toMatch(/^n: /);
  });

  it.each([
    [{}, 'name', { code: 'required' }],
    [{ name: '' }, 'name', { code: 'required' }],
    [{ name: ' ' }, 'name', { code: 'required' }],
    [{ name: 'four' }, 'name', { code: 'too_long', max: 3 }],
    [{ name: 4 }, 'name', { code: 'type' }],
    [{ name: 'a', models: ['a', 'b'] }, 'models', { code: 'too_many', max: 1 }],
    [{ name: 'a', models: [] }, 'models', { code: 'too_few', min: 1 }],
    [{ name: 'a', rpm: 0 }, 'rpm', { code: 'range', min: 1, max: 9 }],
    [{ name: 'a', rpm: 'x' }, 'rpm', { code: 'range', min: 1, max: 9 }],
    [{ name: 'a', email: 'x' }, 'email', { code: 'format', format: 'email' }],
    [{ name: 'a', kind: 'z' }, 'kind', { code: 'choice' }],
    [{ name: 'a', more: 1 }, 'more', { code: 'unknown_field' }],
    [{ name: 'a', id: '!' }, 'id', { code: 'invalid' }],
  ])('tells as facts what is wrong, for pages in other languages: %j', (value, param, issue) => {
    const form = z.strictObject({
      name: requiredText(3),
      models: z.array(z.string()).min(1).max(1).optional(),
      rpm: z.int().min(1).max(9).optional(),
      email: z.email().optional(),
      kind: z.enum(['x', 'y']).optional(),
      id: z.string().regex(/^a$/).optional(),
    });
    expect(fault(form, value)).toMatchObject({ param, extra: { issue } });
  });

  it('does not carry control characters of a hostile key into the message', () => {
    expect(fault(schema, { name: 'a', 'x\u0000\u001b[31m': 1 }).message).not.toMatch(/[\u0000-\u001f]/);
  });
});

describe('shared fields', () => {
  it.each(['0', '501', '-1', '1.5', '1e2', '', ' 5', '0x10', ['5', '6']])('refuse the limit %j', (value) => {
    expect(fault(z.strictObject({ limit }), { limit: value }).param).toBe('limit');
  });
  it('take a limit as text, and 50 without one', () => {
    expect(validate(z.strictObject({ limit }), { limit: '500' })).toEqual({ limit: 500 });
    expect(validate(z.strictObject({ limit }), {})).toEqual({ limit: 50 });
  });
  it('read times as UTC unless they name an offset', () => {
    expect(validate(queryTime, '2026-11-23T10:00:00')).toBe(Date.UTC(2026, 10, 23, 10));
    expect(validate(queryTime, '2026-11-23T10:00:00.250Z')).toBe(Date.UTC(2026, 10, 23, 10, 0, 0, 250));
    expect(validate(queryTime, '2026-11-23T10:00:00+02:00')).toBe(Date.UTC(2026, 10, 23, 8));
    expect(validate(queryTime, '2026-11-23')).toBe(Date.UTC(2026, 10, 23));
    for (const bad of ['yesterday', '2026-13-01', '2026-11-23T25:00:00Z', '1795392000000', ''])
      expect(fault(queryTime, bad).code).toBe('invalid_request');
  });
  it('count each id of a batch once and refuse an empty batch', () => {
    expect(validate(ids, ['a', 'b', 'a'])).toEqual(['a', 'b']);
    for (const bad of [[], 'a', [1], ['a b'], ["'; drop table users; --"]]) expect(fault(ids, bad).code).toBe('invalid_request');
  });
});
