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
});
