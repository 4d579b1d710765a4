/** Data as released builds wrote it, one file a release, read by the code of today. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeEvent, encodeEvent, eventType, eventTypes } from './index.js';

type Recorded = Readonly<Record<`${string}@${number}`, unknown>>;

const folder = new URL('released/', import.meta.url);
const { version: release } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
const read = (file: string): Recorded => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Recorded;
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];

describe.each(files)('what %s holds', (file) => {
  test.each(Object.entries(read(file)))('%s is read, in the version of today', (name, data) => {
    const [type = '', version] = name.split('@');
    const decoded = decodeEvent(type, Number(version), data);
    expect(decoded).toMatchObject({ outcome: 'ok' });
    if (decoded.outcome === 'ok') expect(encodeEvent(type, decoded.data).dataversion).toBe(eventType(type)?.version);
  });
});

test('every type and version of this release is kept for the next ones', async () => {
  // `npx vitest run src/events -u` adds what is new; what is there stays as it was written.
  const now = Object.fromEntries(eventTypes.map((type) => [`${type.type}@${type.version}`, encodeEvent(type.type, type.example).data]));
  const kept = files.includes(`${release}.json`) ? read(`${release}.json`) : {};
  await expect(`${JSON.stringify({ ...now, ...kept }, null, 1)}\n`).toMatchFileSnapshot(`released/${release}.json`);
});

test('every version whose schema is recorded has data in a release', () => {
  const schemas = JSON.parse(readFileSync(new URL('fingerprints.json', import.meta.url), 'utf8')) as Record<string, unknown>;
  const held = new Set(files.flatMap((file) => Object.keys(read(file))));
  expect(Object.keys(schemas).filter((name) => !held.has(name))).toEqual([]);
});
