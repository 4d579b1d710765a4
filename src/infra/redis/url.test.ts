import { describe, expect, it } from 'vitest';
import { parseRedisUrl } from './url.js';

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

  it.each(['http://h', 'redis://', 'redis://a,b', 'redis://h/x', 'redis://h:99999', 'redis+sentinel://h', 'redis://u:verysecret@h:x'])(
    'refuse %s without telling the password',
    (url) => {
      expect(() => parseRedisUrl(url)).toThrow(/Redis|redis/);
      expect(() => parseRedisUrl(url)).not.toThrow(/verysecret/);
    },
  );
});
