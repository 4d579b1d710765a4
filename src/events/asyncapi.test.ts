import { describe, expect, test } from 'vitest';
import { asyncApiDocument } from './asyncapi.js';
import { eventTypes } from './index.js';

const document = asyncApiDocument({ version: '1.2.3', partitions: 2 }) as {
  channels: Record<'traffic' | 'control', { messages: Record<string, unknown>; parameters?: { partition: { enum: string[] } } }>;
  components: { messages: Record<string, unknown>; schemas: Record<string, unknown> };
};

/** Every `$ref` of the document, with what it points to. */
function references(value: unknown, found: string[] = []): string[] {
  if (typeof value !== 'object' || value === null) return found;
  for (const [name, member] of Object.entries(value)) {
    if (name === '$ref' && typeof member === 'string') found.push(member);
    else references(member, found);
  }
  return found;
}

function resolve(reference: string): unknown {
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], document);
}

describe('the AsyncAPI document', () => {
  test('has every registered type in the channel of its origin', () => {
    const names = (origin: string): string[] => eventTypes.filter((type) => type.origin === origin).map(({ type }) => type as string);
    expect(Object.keys(document.channels.traffic.messages)).toEqual(names('traffic'));
    expect(Object.keys(document.channels.control.messages)).toEqual(names('control'));
    expect(Object.keys(document.components.messages)).toHaveLength(eventTypes.length);
  });

  test('points to nothing that is not there', () => {
    const missing = references(document).filter((reference) => resolve(reference) === undefined);
    expect(missing).toEqual([]);
  });

  test('names the streams of this installation', () => {
    expect(document.channels.traffic.parameters?.partition.enum).toEqual(['{p0}', '{p1}']);
  });

  test('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });
});
