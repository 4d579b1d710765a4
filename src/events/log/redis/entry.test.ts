/** What a reader of a stream takes for an event, and what it keeps of the rest. */
import { describe, expect, test } from 'vitest';
import { parseEntry, UnreadableEntry, unreadableEntry } from './entry.js';

const fieldsOf = (over: Record<string, string> = {}): string[] =>
  Object.entries({
    id: 'e-1',
    type: 'kirogate.token.used',
    subject: 'token/a',
    time: '2026-11-23T04:00:00.000Z',
    source: '/elsewhere',
    v: '1',
    key: 'a',
    actor: 'key/k',
    corr: '',
    cause: '',
    src: 'elsewhere',
    n: '1',
    data: '{}',
    ...over,
  }).flat();
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('an entry of a stream', () => {
  test.each([
    ['a long subject', { subject: 's'.repeat(500_000) }, 'the field subject is longer than 500 characters'],
    ['a long correlation', { corr: 'q'.repeat(900_000) }, 'the field corr is longer than 500 characters'],
    ['a long cause', { cause: 'q'.repeat(501) }, 'the field cause is longer than 500 characters'],
    ['a long actor', { actor: 'a'.repeat(501) }, 'the field actor is longer than 500 characters'],
    ['a long key', { key: 'k'.repeat(501) }, 'the field key is longer than 500 characters'],
    ['a long id', { id: 'i'.repeat(201) }, 'the field id is longer than 200 characters'],
    ['a long type', { type: 't'.repeat(201) }, 'the field type is longer than 200 characters'],
    ['a long source', { source: '/'.repeat(201) }, 'the field source is longer than 200 characters'],
    ['a long run', { src: 'n'.repeat(201) }, 'the field src is longer than 200 characters'],
    ['a run that no database takes', { src: 'node\0' }, 'the field src holds control characters'],
    ['large data', { data: JSON.stringify('d'.repeat(256 * 1024)) }, 'the field data is longer than 262144 characters'],
    ['deep data', { data: deep(65) }, 'the field data is nested deeper than 64 levels'],
    ['bottomless data', { data: deep(20_000) }, 'the field data is nested deeper than 64 levels'],
  ])('with %s is no event, and a cut of it is kept', (_, over, reason) => {
    const fields = fieldsOf(over);
    expect(() => parseEntry('p0', '5-0', fields)).toThrow(new UnreadableEntry(reason));
    const { event } = unreadableEntry('p0', '5-0', fields, reason);
    expect(event).toMatchObject({ dataversion: 0, data: { unreadable: reason, cursor: '5-0' } });
    expect(JSON.stringify(event).length).toBeLessThan(2_000);
  });

  test('may be as long and as deep as the archive can hold', () => {
    const long = 'ü'.repeat(500);
    const { event } = parseEntry('p0', '5-0', fieldsOf({ subject: long, corr: long, actor: long, data: deep(64) }));
    expect(event).toMatchObject({ subject: long, correlationid: long, actor: long });
  });
});
