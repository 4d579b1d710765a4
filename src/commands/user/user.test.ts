import { describe, expect, test } from 'vitest';
import { defaultSettings } from '../../shared/settings.js';
import { given } from '../decider.testkit.js';
import { approveUsers } from './approve.js';
import { banUsers } from './ban.js';
import { createUser } from './create.js';
import { recordUserSignIn } from './recordSignIn.js';
import { registerUser } from './register.js';
import { revokeUserSessions } from './revokeSessions.js';
import { changeOwnPassword, setUserPassword } from './setPassword.js';
import { setUserQuota } from './setQuota.js';
import type { UserState } from './state.js';
import { unbanUsers } from './unban.js';

const user = (over: Partial<UserState> = {}): UserState => ({
  id: 'ada',
  status: 'active',
  sessionVersion: 1,
  quotaDaily: null,
  quotaMonthly: null,
  ...over,
});
const signUp = { username: 'Ada', email: 'Ada@Example.com ', password: 'correct horse' };
const site = (over: Partial<typeof defaultSettings> = {}, taken = false) => given({ taken, settings: { ...defaultSettings, ...over } });

describe('signing up', () => {
  test('makes an active member who acts as themselves; the address is lower-cased, the password is nowhere', () => {
    const { events, result } = site().when(registerUser, signUp, 'system');
    expect(result).toEqual({ id: 'id1xxxxxxxxxxxxx', status: 'active' });
    expect(events).toEqual([
      {
        type: 'user.registered',
        subject: 'user/id1xxxxxxxxxxxxx',
        data: { username: 'Ada', email: 'ada@example.com', status: 'active', via: 'password' },
        actor: 'user/id1xxxxxxxxxxxxx',
      },
    ]);
    expect(JSON.stringify(events)).not.toContain('horse');
  });

  test('waits for an admin where the site wants that', () => {
    expect(site({ require_approval: true }).when(registerUser, signUp, 'system').result.status).toBe('pending');
  });

  test('is closed on a self-use site, and once per address', () => {
    expect(site({ self_use_enabled: true }).refuses(registerUser, signUp, 'system')).toBe('sign_up_closed');
    expect(site({}, true).refuses(registerUser, signUp, 'system')).toBe('conflict email');
  });

  test.each(['', 'ada', 'ada@', 'ada@example', 'a da@example.com', `${'a'.repeat(250)}@example.com`])('%s is no address', (email) => {
    expect(registerUser.input.safeParse({ ...signUp, email }).success).toBe(false);
  });
});

describe('making a member', () => {
  test('is for admins, works on a self-use site, and needs no address', () => {
    expect(given({ taken: false }).when(createUser, { username: ' Bob ' }).events).toEqual([
      { type: 'user.registered', subject: 'user/id1xxxxxxxxxxxxx', data: { username: 'Bob', email: null, status: 'active', via: 'admin' } },
    ]);
    expect(given({ taken: false }).refuses(createUser, { username: 'Bob' }, 'user/ada')).toBe('forbidden');
    expect(given({ taken: true }).refuses(createUser, { username: 'Bob', email: 'a@b.cd' })).toBe('conflict email');
  });
});

describe('approving, banning, unbanning', () => {
  const three = [user({ id: 'a' }), user({ id: 'p', status: 'pending' }), user({ id: 'b', status: 'banned' })];
  const ids = { ids: ['a', 'p', 'b'] };

  test('approval reaches those that wait', () => {
    const { events, result } = given(three).when(approveUsers, ids);
    expect(result).toEqual({ changed: 1 });
    expect(events).toEqual([{ type: 'user.approved', subject: 'user/p', data: { from: 'pending', to: 'active' } }]);
  });

  test('a ban reaches everybody who is not banned, and says what they were', () => {
    const { events, result } = given(three).when(banUsers, { ...ids, reason: 'abuse' });
    expect(result).toEqual({ changed: 2 });
    expect(events.map(({ subject, data }) => [subject, data])).toEqual([
      ['user/a', { from: 'active', to: 'banned', reason: 'abuse' }],
      ['user/a', { from: 1, to: 2 }],
      ['user/p', { from: 'pending', to: 'banned', reason: 'abuse' }],
      ['user/p', { from: 1, to: 2 }],
    ]);
  });

  test('lifting reaches the banned', () => {
    expect(given(three).when(unbanUsers, ids).events).toEqual([
      { type: 'user.unbanned', subject: 'user/b', data: { from: 'banned', to: 'active' } },
    ]);
  });

  test.each([approveUsers, banUsers, unbanUsers])('$name is not for members', (command) => {
    expect(given(three).refuses(command, ids, 'user/a')).toBe('forbidden');
  });
});

describe('quotas', () => {
  test('absent stays, null returns to the default', () => {
    const { events } = given(user({ quotaDaily: 5, quotaMonthly: 50 })).when(setUserQuota, { userId: 'ada', daily: null });
    expect(events[0]?.data).toEqual({ from: { daily: 5, monthly: 50 }, to: { daily: null, monthly: 50 } });
  });

  test('0 allows none', () => {
    expect(given(user()).when(setUserQuota, { userId: 'ada', daily: 0 }).result).toEqual({ daily: 0, monthly: null });
  });

  test('no change is no event', () => {
    expect(given(user({ quotaDaily: 5 })).when(setUserQuota, { userId: 'ada', daily: 5 }).events).toEqual([]);
  });

  test('an unknown user, a member at work', () => {
    expect(given<UserState | undefined>(undefined).refuses(setUserQuota, { userId: 'x', daily: 1 })).toBe('not_found');
    expect(given(user()).refuses(setUserQuota, { userId: 'ada', daily: 1_000 }, 'user/ada')).toBe('forbidden');
  });
});

describe('a new password', () => {
  const password = 'correct horse';
  const own = { userId: 'ada', password, verified: 'the old hash' };
  const both = (by: 'admin' | 'member') => [
    { type: 'user.password-changed', subject: 'user/ada', data: { by } },
    { type: 'user.sessions-revoked', subject: 'user/ada', data: { from: 4, to: 5 } },
  ];

  test('by an admin ends the sessions and is nowhere in the events', () => {
    const { events, result } = given(user({ sessionVersion: 4 })).when(setUserPassword, { userId: 'ada', password });
    expect(events).toEqual(both('admin'));
    expect(result).toEqual({ sessionVersion: 5 });
    expect(JSON.stringify(events)).not.toContain('horse');
  });

  test('is given by admins only, to who exists', () => {
    expect(given(user()).refuses(setUserPassword, { userId: 'ada', password }, 'user/ada')).toBe('forbidden');
    expect(given<UserState | undefined>(undefined).refuses(setUserPassword, { userId: 'x', password })).toBe('not_found');
  });

  test('is changed by the member whose it is, while the old one is still the one that was proved', () => {
    const state = { user: user({ sessionVersion: 4 }), hash: 'the old hash' };
    expect(given(state).when(changeOwnPassword, own, 'user/ada').events).toEqual(both('member'));
    expect(given(state).refuses(changeOwnPassword, own, 'user/eve')).toBe('not_found');
    expect(given({ ...state, hash: 'another' }).refuses(changeOwnPassword, own, 'user/ada')).toBe('conflict');
    expect(given({ ...state, user: user({ status: 'banned' }) }).refuses(changeOwnPassword, own, 'user/ada')).toBe('user_banned');
  });
});

describe('sessions', () => {
  test('revoking raises the version; members may do it for themselves only', () => {
    const { events, result } = given(user({ sessionVersion: 4 })).when(revokeUserSessions, { userId: 'ada' }, 'user/ada');
    expect(result).toEqual({ sessionVersion: 5 });
    expect(events).toEqual([{ type: 'user.sessions-revoked', subject: 'user/ada', data: { from: 4, to: 5 } }]);
    expect(given(user()).refuses(revokeUserSessions, { userId: 'ada' }, 'user/eve')).toBe('not_found');
  });

  test('a sign-in is recorded in the name of the member; the banned do not get in', () => {
    expect(given(user()).when(recordUserSignIn, { userId: 'ada', method: 'password' }, 'system').events).toEqual([
      { type: 'user.signed-in', subject: 'user/ada', data: { method: 'password' }, actor: 'user/ada' },
    ]);
    expect(given(user({ status: 'banned' })).refuses(recordUserSignIn, { userId: 'ada', method: 'password' }, 'system')).toBe(
      'user_banned',
    );
  });
});
