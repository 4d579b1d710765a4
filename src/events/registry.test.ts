import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { breakingChanges, type JsonSchema } from './compatibility.js';
import { defineEvent } from './define.js';
import { decodeEvent, decodeWith, encodeEvent, eventType, eventTypes } from './index.js';

/** Schemas of all released versions. `npx vitest run src/events -u` records additions; breaking changes are refused first. */
const recordFile = new URL('fingerprints.json', import.meta.url);

const current = Object.fromEntries(eventTypes.map((type) => [`${type.type}@${type.version}`, z.toJSONSchema(type.schema) as JsonSchema]));

describe('the registry of events', () => {
  test('names are unique and well-formed', () => {
    const names = eventTypes.map(({ type }) => type);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^kirogate\.[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/);
  });

  test.each(eventTypes.map((type) => [type.type, type] as const))('%s: its example survives the archive', (name, type) => {
    const encoded = encodeEvent(name as string, type.example);
    expect(encoded).toEqual({ type: name, dataversion: type.version, data: type.example });
    expect(decodeEvent(name as string, encoded.dataversion, JSON.parse(JSON.stringify(encoded.data)))).toEqual({
      outcome: 'ok',
      data: type.example,
    });
  });

  test.each(eventTypes.map((type) => [type.type, type] as const))('%s: can be lifted from every older version', (_name, type) => {
    const { upcasters } = type as { upcasters?: Record<number, unknown> };
    for (let version = 1; version < type.version; version += 1) expect(upcasters?.[version]).toBeTypeOf('function');
  });

  test('a released version changes only in ways that break nobody', async () => {
    const recorded = existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, 'utf8')) as Record<string, JsonSchema>) : {};
    const broken = Object.entries(recorded).flatMap(([key, schema]) => {
      const next = current[key];
      if (next !== undefined)
        return breakingChanges(schema, next).map((change) => `${key}: ${change}; raise the version and add an upcaster`);
      const [name = '', version] = key.split('@');
      return (eventType(name)?.version ?? 0) > Number(version) ? [] : [`${key}: is gone, but archives hold it`];
    });
    expect(broken).toEqual([]);
    await expect(`${JSON.stringify({ ...recorded, ...current }, null, 1)}\n`).toMatchFileSnapshot('fingerprints.json');
  });
});

describe('decoding', () => {
  const second = defineEvent({
    type: 'kirogate.test.moved',
    version: 3,
    origin: 'control',
    aggregate: 'test',
    summary: 'For this test.',
    schema: z.object({ metres: z.int() }),
    example: { metres: 3 },
    upcasters: { 2: (data) => ({ metres: (data as { kilometres: number }).kilometres * 1000 }) },
  });

  test('older data is lifted, then validated', () => {
    expect(decodeWith(second, 2, { kilometres: 2 })).toEqual({ outcome: 'ok', data: { metres: 2000 } });
    expect(decodeWith(second, 3, { metres: 5 })).toEqual({ outcome: 'ok', data: { metres: 5 } });
  });

  test('what cannot be read is told apart', () => {
    expect(decodeEvent('kirogate.nothing.known', 1, {})).toEqual({ outcome: 'unknown_type' });
    expect(decodeWith(second, 4, {})).toEqual({ outcome: 'unknown_version' });
    expect(decodeWith(second, 1, {})).toEqual({ outcome: 'unknown_version' });
    expect(decodeWith(second, 2, null)).toMatchObject({ outcome: 'invalid' });
    expect(decodeWith(second, 3, { metres: 'five' })).toEqual({ outcome: 'invalid', reason: 'metres: invalid_type' });
  });

  test('reasons never quote a value', () => {
    const outcome = decodeEvent('kirogate.key.issued', 1, {
      name: 12,
      userId: 'u',
      prefix: 'sk-very-secret-and-far-too-long-to-be-a-prefix',
    });
    expect(outcome).toMatchObject({ outcome: 'invalid' });
    expect(JSON.stringify(outcome)).not.toContain('secret');
  });
});

describe('encoding', () => {
  test('members that the schema does not name never reach the archive', () => {
    expect(encodeEvent('kirogate.user.signed-in' as string, { method: 'password', password: 'hunter22' }).data).toEqual({
      method: 'password',
    });
  });

  test('data of the wrong shape is a fault of the producer', () => {
    expect(() => encodeEvent('kirogate.user.signed-in' as string, { method: 'magic' })).toThrow('method: invalid_value');
    expect(() => encodeEvent('kirogate.no.such', {})).toThrow('not registered');
  });

  test('free text is cleaned and bounded', () => {
    const { data } = encodeEvent('kirogate.token.invalidated', {
      message: `bad\u0000 ${'x'.repeat(600)}\ud800`,
      previous: { status: 'active', reason: null, until: null },
    });
    expect(data.message).toHaveLength(500);
    expect(data.message).toMatch(/^bad {2}x+$/);
  });
});
