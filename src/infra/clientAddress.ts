/** The client's address: the peer's, or what configured proxies say of it; nobody else's header counts. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

export type ClientAddress = (req: Pick<IncomingMessage, 'socket' | 'headers'>) => string;

/** `::ffff:10.0.0.1` and `10.0.0.1` are one address. */
function plain(address: string): string {
  const bare = address.trim().replace(/^\[|\]$/g, '');
  return bare.startsWith('::ffff:') && isIP(bare.slice(7)) === 4 ? bare.slice(7) : bare;
}

/** A BlockList over addresses and CIDR ranges. Throws RangeError on what is neither. */
export function addressSet(entries: readonly string[]): { has(address: string): boolean } {
  const list = new BlockList();
  for (const entry of entries) {
    const [network = '', bits] = entry.split('/');
    const family = isIP(plain(network));
    if (family === 0) throw new RangeError(`${entry} is no address or range`);
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(plain(network), type);
    else list.addSubnet(plain(network), Number(bits), type);
  }
  return {
    has(address) {
      const family = isIP(address);
      return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

/**
 * Walks `X-Forwarded-For` from the right while the hop that spoke is a trusted proxy, so that a
 * made-up left end never counts. Malformed entries end the walk.
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted = addressSet(trustedProxies);
  return (req) => {
    let address = plain(req.socket.remoteAddress ?? '0.0.0.0');
    if (trustedProxies.length === 0) return address;
    const header = req.headers['x-forwarded-for'];
    const hops = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map(plain);
    while (trusted.has(address)) {
      const next = hops.pop();
      if (next === undefined || isIP(next) === 0) break;
      address = next;
    }
    return address;
  };
}
