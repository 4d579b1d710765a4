import { describe, expect, it } from 'vitest';
import { createClientAddress } from './clientAddress.js';

const request = (remoteAddress: string, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } }) as unknown as Parameters<
    ReturnType<typeof createClientAddress>
  >[0];

describe('the client address', () => {
  it('is the peer when no proxy is trusted, whatever the header says (pitfall 78)', () => {
    expect(createClientAddress([])(request('198.51.100.7', '203.0.113.9'))).toBe('198.51.100.7');
  });

  it('is what the trusted proxy saw, not the left end that a client made up', () => {
    const address = createClientAddress(['10.0.0.0/8']);
    expect(address(request('10.0.0.2', '1.1.1.1, 203.0.113.9'))).toBe('203.0.113.9');
    expect(address(request('10.0.0.2', '1.1.1.1, 203.0.113.9, 10.0.0.9'))).toBe('203.0.113.9');
  });

  it('stops at what is no address', () => {
    expect(createClientAddress(['10.0.0.0/8'])(request('10.0.0.2', 'unknown'))).toBe('10.0.0.2');
  });

  it('reads IPv4 in IPv6 spelling as IPv4', () => {
    expect(createClientAddress(['127.0.0.1'])(request('::ffff:127.0.0.1', '2001:db8::5'))).toBe('2001:db8::5');
  });
});
