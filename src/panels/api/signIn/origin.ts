/** Under which origin the browser sees this site: a setting, or what the request says as far as it can be believed. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '../../../errors.js';
import { addressSet } from '../../../infra/clientAddress.js';

export type Seen = Pick<IncomingMessage, 'headers' | 'socket'>;

/** Throws `invalid_request` for a host that is none. */
export function createOrigin(options: {
  readonly publicUrl: string;
  readonly trustedProxies: readonly string[];
}): (request: Seen) => string {
  const trusted = addressSet(options.trustedProxies);
  return (request) => {
    if (options.publicUrl !== '') return options.publicUrl;
    const host = request.headers.host ?? '';
    if (!/^[A-Za-z0-9.-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/.test(host)) {
      throw new AppError('invalid_request', { message: 'The Host header names no host.', param: 'host' });
    }
    const peer = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const forwarded = trusted.has(peer) ? request.headers['x-forwarded-proto'] : undefined;
    const encrypted = forwarded === undefined ? 'encrypted' in request.socket : forwarded === 'https';
    return `${encrypted ? 'https' : 'http'}://${host}`;
  };
}
