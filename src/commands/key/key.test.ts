import { describe, expect, test } from 'vitest';
import { given, NOW } from '../decider.testkit.js';
import type { UserState } from '../user/state.js';
import { changeKey } from './change.js';
import { hashKey, issueKey } from './issue.js';
import { revokeKey } from './revoke.js';
import type { KeyState } from './state.js';

const ada: UserState = { id: 'ada', status: 'active', sessionVersion: 1, quotaDaily: null, quotaMonthly: null };
const member = (over: { user?: UserState | undefined; activeKeys?: number; defaultRpm?: number } = {}) =>
  given({ user: ada as UserState | undefined, activeKeys: 0, defaultRpm: 30, ...over });
const key = (over: Partial<KeyState> = {}): KeyState => ({
  id: 'k1',
  userId: 'ada',
  prefix: 'sk-abcdefgh',
  status: 'active',
  name: 'laptop',
  rpmLimit: null,
  allowedModels: null,
  expiresAt: null,
  ...over,
});
const known = (over: Partial<KeyState> = {}) => given({ key: key(over) as KeyState | undefined, defaultRpm: 30 });

describe('issuing a key', () => {
  test('answers the key once; the event holds its prefix only', () => {
    const { events, result } = member().when(issueKey, { userId: 'ada', name: 'laptop' }, 'user/ada');
    expect(result.key).toMatch(/^sk-[0-9a-z]{48}$/);
    expect(events).toEqual([
      {
        type: 'key.issued',
        subject: `key/${result.id}`,
        data: { userId: 'ada', name: 'laptop', rpmLimit: null, allowedModels: null, expiresAt: null, prefix: result.key.slice(0, 11) },
      },
    ]);
    expect(JSON.stringify(events)).not.toContain(result.key.slice(0, 20));
    expect(JSON.stringify(events)).not.toContain(hashKey(result.key));
  });

  test('members issue keys for themselves, as far as there is room', () => {
    expect(member().refuses(issueKey, { userId: 'ada', name: 'x' }, 'user/eve')).toBe('not_found');
    expect(member({ activeKeys: 100 }).refuses(issueKey, { userId: 'ada', name: 'x' }, 'user/ada')).toBe('conflict');
    expect(member({ user: undefined }).refuses(issueKey, { userId: 'nobody', name: 'x' })).toBe('not_found userId');
  });

  test('a member may lower the rate of a key, an admin may raise it', () => {
    const fast = { userId: 'ada', name: 'x', rpmLimit: 31 };
    expect(member().refuses(issueKey, fast, 'user/ada')).toBe('invalid_request rpmLimit');
    expect(member().refuses(issueKey, fast, 'admin')).toBe('accepted');
    expect(member().refuses(issueKey, { ...fast, rpmLimit: 30 }, 'user/ada')).toBe('accepted');
  });

  test('a key does not begin its life expired', () => {
    expect(member().refuses(issueKey, { userId: 'ada', name: 'x', expiresAt: NOW })).toBe('invalid_request expiresAt');
    expect(member().refuses(issueKey, { userId: 'ada', name: 'x', expiresAt: NOW + 1 })).toBe('accepted');
  });
});

describe('changing a key', () => {
  test('tells old and new', () => {
    const { events } = known({ allowedModels: ['a'] }).when(changeKey, { keyId: 'k1', name: 'desk', allowedModels: null }, 'user/ada');
    expect(events).toEqual([
      {
        type: 'key.changed',
        subject: 'key/k1',
        data: {
          userId: 'ada',
          from: { name: 'laptop', rpmLimit: null, allowedModels: ['a'], expiresAt: null },
          to: { name: 'desk', rpmLimit: null, allowedModels: null, expiresAt: null },
        },
      },
    ]);
  });

  test('no change is no event, also on a key that has expired', () => {
    expect(known({ expiresAt: NOW - 1 }).when(changeKey, { keyId: 'k1', name: 'laptop' }).events).toEqual([]);
  });

  test('a rate that an admin gave may be kept by the member, not raised', () => {
    expect(known({ rpmLimit: 90 }).refuses(changeKey, { keyId: 'k1', name: 'desk' }, 'user/ada')).toBe('accepted');
    expect(known({ rpmLimit: 90 }).refuses(changeKey, { keyId: 'k1', rpmLimit: 91 }, 'user/ada')).toBe('invalid_request rpmLimit');
  });

  test('keys of others and revoked keys do not exist', () => {
    expect(known().refuses(changeKey, { keyId: 'k1', name: 'x' }, 'user/eve')).toBe('not_found');
    expect(known({ status: 'revoked' }).refuses(changeKey, { keyId: 'k1', name: 'x' })).toBe('not_found');
  });
});

describe('revoking a key', () => {
  test('ends it once', () => {
    expect(given(key()).when(revokeKey, { keyId: 'k1' }, 'user/ada').events).toEqual([
      { type: 'key.revoked', subject: 'key/k1', data: { userId: 'ada', name: 'laptop', prefix: 'sk-abcdefgh' } },
    ]);
    expect(given(key({ status: 'revoked' })).when(revokeKey, { keyId: 'k1' })).toEqual({ events: [], result: { changed: false } });
  });

  test('is for its owner', () => {
    expect(given(key()).refuses(revokeKey, { keyId: 'k1' }, 'user/eve')).toBe('not_found');
    expect(given<KeyState | undefined>(undefined).refuses(revokeKey, { keyId: 'k1' })).toBe('not_found');
  });
});
