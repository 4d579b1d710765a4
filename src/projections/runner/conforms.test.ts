/** The fast look at an event's data never takes what its schema would refuse or change. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { eventTypes } from '../../events/index.js';
import { conformsTo } from './conforms.js';

/** Changes one place of some JSON: another value, a key more, a key less, keys in another order. */
function mutated(value: unknown, path: readonly number[], put: unknown): unknown {
  const [step = 0, ...rest] = path;
  if (typeof value !== 'object' || value === null || path.length === 0) return put;
  if (Array.isArray(value)) {
    if (value.length === 0) return [put];
    return value.map((item: unknown, index) => (index === step % value.length ? mutated(item, rest, put) : item));
  }
  const entries = Object.entries(value);
  const at = step % (entries.length + 3);
  if (at === entries.length) return { ...value, strange: put };
  if (at === entries.length + 1) return Object.fromEntries(entries.slice(1));
  if (at === entries.length + 2) return Object.fromEntries(entries.toReversed());
  return Object.fromEntries(entries.map(([name, item], index) => [name, index === at ? mutated(item, rest, put) : item]));
}

describe('the fast look at data', () => {
  it.each(eventTypes.filter(({ origin }) => origin === 'traffic').map((type) => [type.type, type] as const))(
    'knows %s as its schema leaves it',
    (_name, { schema, example }) => {
      expect(conformsTo(schema)?.(JSON.parse(JSON.stringify(schema.parse(example))))).toBe(true);
    },
  );

  it('takes nothing that the schema would refuse or change', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>(null, '', -1, 0.5, 2 ** 60, 'a\0b', '\ud800', 'success', true, [], {}, 'x'.repeat(2_000)),
    );
    fc.assert(
      fc.property(fc.constantFrom(...eventTypes), fc.array(fc.nat({ max: 40 }), { maxLength: 4 }), value, (type, path, put) => {
        const look = conformsTo(type.schema);
        const data = mutated(JSON.parse(JSON.stringify(type.example)), path, put);
        if (!look?.(data)) return;
        const parsed = type.schema.safeParse(data);
        expect(parsed.success).toBe(true);
        // As text: the order of keys counts.
        expect(JSON.stringify(parsed.data)).toBe(JSON.stringify(data));
      }),
      { numRuns: 3_000 },
    );
  });

  it('leaves kinds that it does not know to the schema', () => {
    for (const schema of [z.object({ a: z.string().optional() }), z.string().regex(/x/), z.coerce.number(), z.looseObject({}), z.email()])
      expect(conformsTo(schema)).toBeNull();
  });
});
