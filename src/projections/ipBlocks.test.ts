import { expect, test } from 'vitest';
import { createIpBlocks } from './ipBlocks.js';

const isBanned = createIpBlocks(['203.0.113.7', '198.51.100.0/24', '2001:db8::/32', 'nonsense', '203.0.113.9/99']);

test.each([
  ['203.0.113.7', true],
  ['203.0.113.8', false],
  ['203.0.113.9', false],
  ['198.51.100.200', true],
  ['::ffff:198.51.100.200', true],
  ['2001:db8:1::1', true],
  ['2001:db9::1', false],
  ['', false],
  ['not an address', false],
])('%s banned: %s', (ip, banned) => {
  expect(isBanned(ip)).toBe(banned);
});

test('nobody is banned while there is no ban', () => {
  expect(createIpBlocks([])('203.0.113.7')).toBe(false);
});
