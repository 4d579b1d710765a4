import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalCidr } from './cidr.js';

describe('canonicalCidr', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    [' 203.0.113.7/32 ', '203.0.113.7'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.255.255.255/9', '10.128.0.0/9'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1/104', '10.0.0.0/8'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:db8::ffff/32', '2001:db8::/32'],
    ['2001:db8:1:2:3:4:5:6/64', '2001:db8:1:2::/64'],
    ['::', '::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is spelled %s', (text, canonical) => {
    expect(canonicalCidr(text)).toBe(canonical);
  });

  test.each([
    '',
    'example.com',
    '1.2.3',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/-1',
    '1.2.3.4/8/8',
    '0.0.0.0/0',
    '::/0',
    '::ffff:0:0/96',
    'fe80::1%eth0',
    '1.2.3.4/8.0',
    '01.2.3.4',
  ])('%s is refused', (text) => {
    expect(canonicalCidr(text)).toBeNull();
  });

  test('the canonical spelling is its own, and still holds the address it came from', () => {
    const address = fc.oneof(
      fc.ipV4().map((ip) => [ip, 32] as const),
      fc.ipV6().map((ip) => [ip, 128] as const),
    );
    fc.assert(
      fc.property(address, fc.integer({ min: 1, max: 128 }), ([ip, width], bits) => {
        const canonical = canonicalCidr(`${ip}/${Math.min(bits, width)}`);
        fc.pre(canonical !== null);
        expect(canonicalCidr(canonical ?? '')).toBe(canonical);
        const [network = '', prefix] = (canonical ?? '').split('/');
        const family = network.includes(':') ? 'ipv6' : 'ipv4';
        const list = new BlockList();
        list.addSubnet(network, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family);
        expect(list.check(ip, ip.includes(':') ? 'ipv6' : 'ipv4')).toBe(true);
      }),
    );
  });
});
