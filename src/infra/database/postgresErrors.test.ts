import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { explainPostgres } from './postgresErrors.js';

const faultOf = (code: string): string => explainPostgres('host:1/db', Object.assign(new Error('why'), { code })).fault;

describe('an error of the driver', () => {
  it.each(['EPIPE', 'EBUSY', 'ECONNRESET', 'ENETDOWN', '57P01', '08006', 'XX000'])('%s is the store, not the statement', (code) => {
    expect(faultOf(code)).toBe('unavailable');
  });
  it.each(['22P02', '42P01', '23514', ''])('%s is the statement', (code) => {
    expect(faultOf(code)).toBe('statement');
  });

  it('says what is wrong once, as the log shows it', () => {
    const error = explainPostgres('host:1/db', Object.assign(new Error('permission denied for table x'), { code: '42501' }));
    const { message } = pino.stdSerializers.err(error);
    expect(message).toBe(
      'PostgreSQL at host:1/db: the role in DATABASE_URL lacks a right; make it the owner of its database or schema (permission denied for table x): code 42501',
    );
  });
});
