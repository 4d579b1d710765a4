/** One spelling for each address and range, so that a ban exists once and its subject is stable. */
import { isIP, SocketAddress } from 'node:net';

/**
 * `10.1.2.3/8` → `10.0.0.0/8`, `::FFFF:10.0.0.1` → `10.0.0.1`, `2001:DB8::0/128` → `2001:db8::`.
 * null: neither an address nor a range, or a range that holds everything.
 */
export function canonicalCidr(text: string): string | null {
  const [address = '', bits, ...rest] = text.trim().split('/');
  const family = isIP(address);
  if (rest.length > 0 || family === 0 || address.includes('%')) return null;
  const width = family === 4 ? 32 : 128;
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return null;
  const prefix = bits === undefined ? width : Number(bits);
  if (prefix < 1 || prefix > width) return null;
  return spell(mask(toBytes(address, family), prefix), prefix);
}

function spell(bytes: readonly number[], prefix: number): string | null {
  const mapped = bytes.length === 16 && prefix >= 96 && bytes.slice(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 0xff));
  if (mapped) return prefix === 96 ? null : spell(bytes.slice(12), prefix - 96);
  const address = bytes.length === 4 ? bytes.join('.') : spellV6(bytes);
  return prefix === bytes.length * 8 ? address : `${address}/${prefix}`;
}

function spellV6(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, index) => (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

function mask(bytes: readonly number[], prefix: number): number[] {
  return bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - index * 8))) & 0xff);
}

/** Of an address that `isIP` has accepted. */
function toBytes(address: string, family: number): number[] {
  if (family === 4) return address.split('.').map(Number);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  const tail = dotted ? toBytes(dotted[2] ?? '', 4) : [];
  const [left = '', right] = (dotted ? (dotted[1] ?? '').replace(/([^:]):$/, '$1') : address).split('::');
  const parse = (part: string): number[] =>
    part === ''
      ? []
      : part.split(':').flatMap((group) => {
          const value = Number.parseInt(group, 16);
          return [value >> 8, value & 0xff];
        });
  const head = parse(left);
  if (right === undefined) return [...head, ...tail];
  const end = [...parse(right), ...tail];
  return [...head, ...new Array<number>(16 - head.length - end.length).fill(0), ...end];
}
