import { describe, expect, it } from 'vitest';
import { changesOf } from '../changes';
import type { ApiKey } from '../types';
import { bodyOf, type KeyValues, valuesOf } from './keyValues';

const key: ApiKey = {
  id: 'k1',
  name: 'old',
  prefix: 'sk-aaaa',
  createdAt: '2026-01-01T00:00:00.000Z',
  lastUsedAt: null,
  requests: 0,
  status: 'expired',
  rpmLimit: null,
  allowedModels: [],
  expiresAt: '2026-01-02T03:04:05.678Z',
};
const changes = (change: Partial<KeyValues>) => changesOf(bodyOf(valuesOf(key)), bodyOf({ ...valuesOf(key), ...change }));

describe('a key that is changed', () => {
  it('keeps what nobody touched: no models stay none, and an end that is over, to its millisecond', () => {
    expect(changes({ name: 'new' })).toEqual({ name: 'new' });
    expect(changes({})).toBeNull();
  });

  it('tells what was touched, also where that is nothing now', () => {
    expect(changes({ allowedModels: ['m'], expiresAt: '', rpmLimit: '5' })).toEqual({ allowedModels: ['m'], expiresAt: null, rpmLimit: 5 });
    const limited = bodyOf({ ...valuesOf(key), allowedModels: ['m'] });
    expect(changesOf(limited, bodyOf(valuesOf(key)))).toEqual({ allowedModels: null });
  });
});
