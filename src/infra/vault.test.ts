import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createVault, sameText, VaultError } from './vault.js';

const vault = createVault({ key: 'the first key text' });

function reasonOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof VaultError) return error.reason;
    throw error;
  }
  return 'opened';
}

describe('vault', () => {
  test('what was sealed opens again, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, aad) => {
        expect(vault.open(vault.seal(text, aad), aad)).toBe(text);
      }),
    );
  });

  test('two seals of one text differ and hold none of it', () => {
    const first = vault.seal('refresh-token-text', 'token/a');
    expect(first).not.toBe(vault.seal('refresh-token-text', 'token/a'));
    expect(Buffer.from(first.split('.')[2] ?? '', 'base64url').toString('latin1')).not.toContain('refresh');
  });

  test('a record moved to another id does not open', () => {
    expect(reasonOf(() => vault.open(vault.seal('secret', 'a'), 'b'))).toBe('damaged');
  });

  test('one flipped bit anywhere is noticed', () => {
    const sealed = vault.seal('secret', 'a');
    const [version, keyId, text = ''] = sealed.split('.');
    const body = Buffer.from(text, 'base64url');
    for (let byte = 0; byte < body.length; byte += 1) {
      const altered = Buffer.from(body);
      altered.writeUInt8(altered.readUInt8(byte) ^ 1, byte);
      expect(reasonOf(() => vault.open(`${version}.${keyId}.${altered.toString('base64url')}`, 'a'))).toBe('damaged');
    }
  });

  test.each(['', 'plain text', 'v1', 'v1.00000000.', 'v2.00000000.AAAA', 'v1.a.b.c'])('%s is no record', (text) => {
    expect(reasonOf(() => vault.open(text, 'a'))).toBe('damaged');
  });

  test('another key is named in the error, without its text', () => {
    const other = createVault({ key: 'another key text' });
    expect(reasonOf(() => other.open(vault.seal('secret', 'a'), 'a'))).toBe('unknown_key');
    expect(() => other.open(vault.seal('secret', 'a'), 'a')).toThrow(vault.keyId);
  });

  test('after a rotation the previous key opens, the new one seals', () => {
    const old = vault.seal('secret', 'a');
    const rotated = createVault({ key: 'the second key text', previous: 'the first key text' });
    expect(rotated.open(old, 'a')).toBe('secret');
    expect(rotated.isStale(old)).toBe(true);
    const fresh = rotated.seal('secret', 'a');
    expect(rotated.isStale(fresh)).toBe(false);
    expect(reasonOf(() => vault.open(fresh, 'a'))).toBe('unknown_key');
  });

  test('every node derives the same key from the same text', () => {
    const twin = createVault({ key: 'the first key text' });
    expect(twin.keyId).toBe(vault.keyId);
    expect(twin.open(vault.seal('secret', 'a'), 'a')).toBe('secret');
  });
});

test('texts are compared whole', () => {
  expect(sameText('abc', 'abc')).toBe(true);
  expect(sameText('abc', 'abd')).toBe(false);
  expect(sameText('abc', 'abcd')).toBe(false);
  expect(sameText('', '')).toBe(true);
});
