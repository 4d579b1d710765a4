import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, databaseUrlOf, isDistributed, loadConfig, sqlitePathOf } from './config.js';

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env, '/somewhere');
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('the environment', () => {
  it('has a default for everything', () => {
    const config = loadConfig({}, '/somewhere');
    expect(config).toMatchObject({ PORT: 8000, mode: 'single', TOKEN_RPM_LIMIT: 10, DEFAULT_USER_DAILY_QUOTA: 500, EVENT_PARTITIONS: 8 });
    expect(config.sqlitePath).toBe('/somewhere/data/kirogate.db');
  });

  it('is distributed exactly when the database is PostgreSQL and Redis is named (plan 1.3, property 1)', () => {
    const databases = fc.oneof(
      fc.constantFrom('', 'sqlite:///x.db', 'postgres://h/d', 'postgresql://h/d', 'postgresql+asyncpg://h/d'),
      fc.string(),
    );
    fc.assert(
      fc.property(databases, fc.oneof(fc.constant(''), fc.webUrl(), fc.string()), (database, redis) => {
        expect(isDistributed(database, redis)).toBe(database.startsWith('postgres') && redis.length > 0);
      }),
    );
  });

  it('lists every fault at once, with meaning and range', () => {
    const faults = faultsOf({ PORT: 'eighty', TOKEN_RPM_LIMIT: '0', LOG_LEVEL: 'loud' });
    expect(faults).toHaveLength(3);
    expect(faults.join('\n')).toMatch(/PORT \(TCP port[^)]*\): expected whole number from 0 to 65535/);
    expect(faults.join('\n')).toMatch(/TOKEN_RPM_LIMIT .*from 1 to 100000.*got "0"/);
  });

  it('refuses PostgreSQL without Redis and Redis without PostgreSQL, naming what is missing', () => {
    expect(faultsOf({ DATABASE_URL: 'postgres://h/d' }).join()).toContain('REDIS_URL is missing');
    expect(faultsOf({ REDIS_URL: 'redis://h' }).join()).toContain('DATABASE_URL is not PostgreSQL');
  });

  it('takes the scheme of an address in capitals as well (RFC 3986)', () => {
    const secrets = Object.fromEntries(
      ['ADMIN_PASSWORD', 'ADMIN_SECRET_KEY', 'USER_SESSION_SECRET', 'TOKEN_ENCRYPT_KEY'].map((name) => [name, `${name}-0123456789`]),
    );
    const config = loadConfig({ ...secrets, DATABASE_URL: 'POSTGRESQL://u:P@H/d', REDIS_URL: 'Redis://u:P@h' });
    expect(config).toMatchObject({ mode: 'distributed', DATABASE_URL: 'postgresql://u:P@H/d', REDIS_URL: 'redis://u:P@h' });
    expect(loadConfig({ DATABASE_URL: 'SQLite:////X.db' }).sqlitePath).toBe('/X.db');
    expect(databaseUrlOf({ DATABASE_URL: 'Postgres://h/d' })).toBe('postgres://h/d');
    expect(() => databaseUrlOf({ DATABASE_URL: 'postgres:/h' })).toThrow(/DATABASE_URL .*not of the form/);
  });

  it.each([
    ['REDIS_URL', 'redis://:verysecret@h/abc', /the database behind the host is a number/],
    ['REDIS_URL', 'redis://:verysecret@h:0', /the port 1 to 65535/],
    ['REDIS_URL', 'http://verysecret@h', /not a redis/],
    ['DATABASE_URL', 'postgres://u:verysecret@h:port/d', /percent-encoded/],
    ['DATABASE_URL', 'mysql://u:verysecret@h/d', /neither a sqlite/],
  ])('says of %s=%s what of it is no address, once, with what the variable means and takes', (name, url, reason) => {
    const all = { DATABASE_URL: 'postgres://h/d', REDIS_URL: 'redis://h', ...{ [name]: url } };
    const faults = faultsOf(all).filter((fault) => fault.includes('_URL'));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(new RegExp(`^${name} \\((the database|the Redis)[^)]*\\): .*; expected .*://.*_FILE$`));
    expect(faults[0]).toMatch(reason);
    expect(faults[0]).not.toContain('verysecret');
  });

  it('finds faults across variables beside those of single ones', () => {
    expect(faultsOf({ PORT: 'abc', REDIS_URL: 'redis://x' })).toHaveLength(2);
  });

  it('knows addresses, ranges and hosts from what is neither', () => {
    expect(faultsOf({ TRUSTED_PROXIES: 'garbage', UPSTREAM_ALLOWED_PRIVATE: 'foo/99' })).toHaveLength(2);
    expect(faultsOf({ TRUSTED_PROXIES: '10.0.0.0/33' })).toHaveLength(1);
    const config = loadConfig({ TRUSTED_PROXIES: '10.0.0.0/8, ::1', UPSTREAM_ALLOWED_PRIVATE: 'models.internal,192.168.0.0/16' });
    expect(config.TRUSTED_PROXIES).toEqual(['10.0.0.0/8', '::1']);
  });

  it('refuses missing, short and sample secrets on several nodes, and shows no value of them', () => {
    const faults = faultsOf({
      DATABASE_URL: 'postgres://h/d',
      REDIS_URL: 'redis://h',
      ADMIN_PASSWORD: 'admin',
      ADMIN_SECRET_KEY: 'tiny-hidden',
      USER_SESSION_SECRET: 'kirogate_token_encrypt_key_32b!',
    });
    expect(faults).toHaveLength(4);
    expect(faults.join()).not.toMatch(/tiny-hidden|32b!/);
  });

  it('reads a secret from its file, and refuses both spellings at once', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'kirogate-config-')), 'secret');
    writeFileSync(file, 'from-a-file\n');
    expect(loadConfig({ ADMIN_API_KEY_FILE: file }).ADMIN_API_KEY).toBe('from-a-file');
    expect(faultsOf({ ADMIN_API_KEY_FILE: file, ADMIN_API_KEY: 'x' })).toHaveLength(1);
    expect(faultsOf({ ADMIN_API_KEY_FILE: `${file}.gone` }).join()).toContain('ENOENT');
  });

  it('allows plain http only towards loopback', () => {
    expect(faultsOf({ KIRO_API_URL: 'http://upstream.example' })).toHaveLength(1);
    expect(faultsOf({ KIRO_API_URL: 'http://127.0.0.1:9000' })).toHaveLength(0);
    expect(faultsOf({ KIRO_API_URL: 'https://u:p@upstream.example' })).toHaveLength(1);
  });

  it('wants the settings of a sign-in provider whole, and an issuer that is no plain http beyond loopback', () => {
    expect(faultsOf({ GITHUB_CLIENT_ID: 'id', GITHUB_CLIENT_SECRET: 's', PUBLIC_URL: 'http://kirogate.lan:8000' })).toEqual([]);
    expect(faultsOf({ GITHUB_CLIENT_ID: 'id' })[0]).toContain('GITHUB_CLIENT_SECRET missing');
    expect(faultsOf({ OIDC_ISSUER: 'https://id.example/realms/one' })[0]).toContain('OIDC_CLIENT_ID and OIDC_CLIENT_SECRET missing');
    const whole = { OIDC_CLIENT_ID: 'id', OIDC_CLIENT_SECRET: 's' };
    expect(faultsOf({ ...whole, OIDC_ISSUER: 'http://127.0.0.1:9000/realms/one' })).toEqual([]);
    for (const OIDC_ISSUER of ['http://id.example', 'id.example', 'https://a:b@id.example', 'https://id.example/?x=1'])
      expect(faultsOf({ ...whole, OIDC_ISSUER })[0]).toContain('OIDC_ISSUER');
    for (const PUBLIC_URL of ['kirogate.lan', 'ftp://x', 'https://x/path', 'https://a@x'])
      expect(faultsOf({ PUBLIC_URL })[0]).toContain('PUBLIC_URL');
  });

  it('tells relative from absolute SQLite paths', () => {
    expect(sqlitePathOf('sqlite:///data/x.db')).toBe('data/x.db');
    expect(sqlitePathOf('sqlite:////abs/x.db')).toBe('/abs/x.db');
    expect(sqlitePathOf('mysql://x')).toBeNull();
  });

  it('takes an empty variable for an unset one', () => {
    expect(loadConfig({ PORT: '', NODE_ID: '' }).PORT).toBe(8000);
  });
});
