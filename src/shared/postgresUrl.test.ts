/** DATABASE_URL for PostgreSQL in all its spellings. */
import { describe, expect, it } from 'vitest';
import { parsePostgresUrl } from './postgresUrl.js';

describe('the URL of a PostgreSQL database', () => {
  it.each([
    ['postgresql://u:p@h:6000/d', 'h:6000/d'],
    ['postgres://u:p@h/d', 'h:5432/d'],
    ['postgresql+asyncpg://u:p%23@h/d', 'h:5432/d'],
    ['postgresql://u@h', 'h:5432/u'],
    ['postgresql://u:p@[::1]:6000/d', '[::1]:6000/d'],
    ['POSTGRESQL://u:p@h/d', 'h:5432/d'],
    ['PostgreSQL+asyncpg://u:p@h/d', 'h:5432/d'],
  ])('%s names %s', (url, label) => {
    const address = parsePostgresUrl(url);
    expect(address.label).toBe(label);
    expect(address.connectionString).toMatch(/^postgres(ql)?:\/\/u/);
  });

  it("takes asyncpg's word for TLS", () => {
    expect(parsePostgresUrl('postgresql+asyncpg://u:p@h/d?ssl=require').connectionString).toContain('sslmode=require');
    expect(parsePostgresUrl('postgresql://u:p@h/d?sslmode=disable').connectionString).toContain('sslmode=disable');
  });

  it.each(['mysql://u:p@h/d', 'postgresql:/h', 'postgresql://u:p@h:port/d', 'postgresql://u:p%@h/d', ''])(
    'refuses %s without repeating it',
    (url) => {
      expect(() => parsePostgresUrl(url)).toThrow(/^not of the form postgresql:\/\/user:password@host:port\/database; special/);
    },
  );
});
