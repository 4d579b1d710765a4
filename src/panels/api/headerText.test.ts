import { describe, expect, test } from 'vitest';
import { headerText } from './headerText.js';

const asNodeReads = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('text of a header', () => {
  test.each([
    ['of ASCII', 'the key of the old 100% installation', 'the key of the old 100% installation'],
    ['percent-encoded', `UTF-8''${encodeURIComponent(' 钥匙 é%20 ')}`, ' 钥匙 é%20 '],
    ['as a command line client sends it', asNodeReads('钥匙 é'), '钥匙 é'],
    ['of another alphabet than UTF-8', 'cl\xe9', 'clé'],
    ['empty', '', ''],
  ])('comes as it was meant: %s', (_, value, meant) => {
    expect(headerText('x-old-encrypt-key', value)).toBe(meant);
  });

  test('that is absent is absent, and that is broken is refused by name', () => {
    expect(headerText('x-old-encrypt-key', undefined)).toBeUndefined();
    expect(() => headerText('x-old-encrypt-key', "utf-8''%E9")).toThrow('x-old-encrypt-key');
  });
});
