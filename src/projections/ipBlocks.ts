/** Banned addresses and ranges, asked once per request. */
import { BlockList, isIP } from 'node:net';

/** True for an address in one of the ranges (`203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`). Entries that are none are left out. */
export function createIpBlocks(ranges: readonly string[]): (ip: string) => boolean {
  if (ranges.length === 0) return () => false;
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', length] = range.split('/');
    const family = familyOf(address);
    if (family === null) continue;
    const bits = length === undefined ? (family === 'ipv4' ? 32 : 128) : Number(length);
    if (!Number.isInteger(bits) || bits < 0 || bits > (family === 'ipv4' ? 32 : 128)) continue;
    list.addSubnet(address, bits, family);
  }
  return (ip) => {
    // Node's list knows that ::ffff:203.0.113.7 is 203.0.113.7.
    const family = familyOf(ip);
    return family !== null && list.check(ip, family);
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = isIP(address);
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : null;
}
