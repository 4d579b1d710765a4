import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from './redisUrl.js';

describe('Redis addresses', () => {
  it('name a server, its login and its database', () => {
    expect(parseRedisUrl('redis://cache')).toEqual({ host: 'cache', port: 6379, db: 0, tls: false, label: 'cache:6379/0' });
    expect(parseRedisUrl('rediss://me:p%40ss@[::1]:7000/3')).toEqual({
      host: '::1',
      port: 7000,
      username: 'me',
      password: 'p@ss',
      db: 3,
      tls: true,
      label: '::1:7000/3',
    });
    expect(parseRedisUrl('redis://:secret@h/')).toMatchObject({ password: 'secret', db: 0 });
  });

  it('name a set watched by Sentinel', () => {
    expect(parseRedisUrl('redis+sentinel://a:1,b/main/2')).toEqual({
      sentinels: [
        { host: 'a', port: 1 },
        { host: 'b', port: 26_379 },
      ],
      name: 'main',
      db: 2,
      tls: false,
      label: 'a:1,b/main/2',
    });
  });

  it('may have the scheme in capitals (RFC 3986)', () => {
    expect(parseRedisUrl('REDISS://h/1')).toMatchObject({ tls: true, label: 'h:6379/1' });
    expect(parseRedisUrl('Redis+Sentinel://a/main')).toMatchObject({ name: 'main' });
  });

  it.each([
    ['http://h', /not a redis:\/\/, rediss:\/\//],
    ['redis://', /not a redis:\/\//],
    ['redis://a,b', /names one host/],
    ['redis://u:verysecret@h/abc', /the database behind the host is a number/],
    ['redis://:verysecret@h:0', /the port 1 to 65535/],
    ['redis://h:99999', /the port 1 to 65535/],
    ['redis+sentinel://h', /names its master/],
    ['redis://u:verysecret@h:x', /<host>:<port>/],
    ['redis://u:verysecret%@h', /percent-encoded/],
  ])('refuse %s with the reason and without telling the password', (url, reason) => {
    expect(() => parseRedisUrl(url)).toThrow(reason);
    expect(() => parseRedisUrl(url)).not.toThrow(/verysecret/);
  });
});
