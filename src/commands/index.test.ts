import { describe, expect, test } from 'vitest';
import { defaultSettings } from '../shared/settings.js';
import { recordAdminSignIn } from './admin/recordSignIn.js';
import { changeAnnouncement } from './announcement/change.js';
import { publishAnnouncement } from './announcement/publish.js';
import { removeAnnouncement } from './announcement/remove.js';
import { changeConfig } from './config/change.js';
import type { SettingsState } from './config/state.js';
import { given } from './decider.testkit.js';
import { issueImportKey } from './importKey/issue.js';
import { revokeImportKey } from './importKey/revoke.js';
import { commands } from './index.js';
import { banIp } from './ip/ban.js';
import { unbanIp } from './ip/unban.js';
import { readNotifications } from './notification/read.js';
import { recordSystemEvent } from './system/record.js';

describe('the registry of commands', () => {
  test('names are unique and say aggregate and verb', () => {
    const names = commands.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-zA-Z]+\.[a-zA-Z]+$/);
  });

  test('every command refuses a field it does not know', () => {
    expect(commands.every(({ input }) => !input.safeParse({ unexpected: true }).success)).toBe(true);
  });
});

describe('settings', () => {
  const site = (stored: SettingsState['stored'] = {}) =>
    given({ stored, defaults: defaultSettings, merged: { ...defaultSettings, ...stored } });

  test('only what changes is told, with the stored values', () => {
    const { events, result } = site({ token_rpm_limit: 20, site_enabled: false }).when(changeConfig, {
      token_rpm_limit: 20,
      token_rph_limit: 300,
      site_enabled: null,
    });
    expect(events).toEqual([
      {
        type: 'config.changed',
        subject: 'config',
        data: {
          changes: [
            { setting: 'token_rph_limit', from: null, to: 300 },
            { setting: 'site_enabled', from: false, to: null },
          ],
        },
      },
    ]);
    expect(result).toEqual({ ...defaultSettings, token_rpm_limit: 20, token_rph_limit: 300 });
  });

  test('storing the environment’s own value is a change: it holds when the environment moves', () => {
    expect(site().when(changeConfig, { token_rpm_limit: 10 }).events).toHaveLength(1);
    expect(site({ token_rpm_limit: 10 }).when(changeConfig, { token_rpm_limit: 10 }).events).toEqual([]);
  });

  test('bounds are checked on what would be in force', () => {
    expect(site().refuses(changeConfig, { token_pacing_min_ms: 5_000 })).toBe('invalid_request token_pacing_min_ms');
    expect(site().refuses(changeConfig, { token_pacing_min_ms: 5_000, token_pacing_max_ms: 6_000 })).toBe('accepted');
    expect(site({ token_pacing_min_ms: 1_000, token_pacing_max_ms: 1_000 }).refuses(changeConfig, { token_pacing_min_ms: null })).toBe(
      'accepted',
    );
    expect(site({ token_pacing_min_ms: 4_000, token_pacing_max_ms: 5_000 }).refuses(changeConfig, { token_pacing_max_ms: null })).toBe(
      'invalid_request token_pacing_min_ms',
    );
  });
});

describe('address bans', () => {
  test('are spelled one way and made once', () => {
    expect(given({ banned: false }).when(banIp, { ip: ' 10.1.2.3/8 ' }).events).toEqual([
      { type: 'ip.banned', subject: 'ip/10.0.0.0/8', data: { id: 'id1xxxxxxxxxxxxx', cidr: '10.0.0.0/8', reason: null } },
    ]);
    expect(given({ banned: true }).refuses(banIp, { ip: '10.0.0.1' })).toBe('conflict ip');
    expect(given({ banned: false }).refuses(banIp, { ip: 'localhost' })).toBe('invalid_request ip');
    expect(given({ banned: false }).refuses(banIp, { ip: '10.0.0.1' }, 'user/ada')).toBe('forbidden');
  });

  test('end by id', () => {
    expect(given({ cidr: '10.0.0.1' }).when(unbanIp, { id: 'b1' }).events).toEqual([
      { type: 'ip.unbanned', subject: 'ip/10.0.0.1', data: { id: 'b1', cidr: '10.0.0.1' } },
    ]);
    expect(given(undefined).refuses(unbanIp, { id: 'b1' })).toBe('not_found');
  });
});

describe('announcements and import keys', () => {
  const state = { content: 'hello', active: true, allowGuest: false };

  test('an announcement is written, changed and removed', () => {
    expect(given(null).when(publishAnnouncement, { content: 'hello' }).events[0]?.data).toEqual(state);
    expect(given(state).when(changeAnnouncement, { id: 'a1', active: false }).events[0]?.data).toEqual({
      from: state,
      to: { ...state, active: false },
    });
    expect(given(state).when(changeAnnouncement, { id: 'a1', active: true }).events).toEqual([]);
    // Another admin has written something else meanwhile.
    for (const expected of [{ content: 'hallo' }, { active: false }, { ...state, allowGuest: true }]) {
      expect(given(state).refuses(changeAnnouncement, { id: 'a1', content: 'mine', expected })).toMatch(/^conflict /);
    }
    expect(given(state).when(changeAnnouncement, { id: 'a1', content: 'mine', expected: state }).events).toHaveLength(1);
    expect(given(state).when(removeAnnouncement, { id: 'a1' }).events[0]?.data).toEqual(state);
    expect(given(undefined).refuses(removeAnnouncement, { id: 'a1' })).toBe('not_found');
    expect(given(null).refuses(publishAnnouncement, { content: 'hello' }, 'user/ada')).toBe('forbidden');
  });

  test('an import key is shown once', () => {
    const { events, result } = given({ ownerKnown: true }).when(issueImportKey, { name: 'nightly' });
    expect(result.key).toMatch(/^ik-[0-9a-z]{48}$/);
    expect(JSON.stringify(events)).not.toContain(result.key.slice(0, 20));
    expect(given({ ownerKnown: false }).refuses(issueImportKey, { name: 'x', userId: 'nobody' })).toBe('not_found userId');
    expect(given({ name: 'n', prefix: 'ik-a', status: 'active' as const }).when(revokeImportKey, { id: 'i1' }).result).toEqual({
      changed: true,
    });
    expect(given({ name: 'n', prefix: 'ik-a', status: 'revoked' as const }).when(revokeImportKey, { id: 'i1' }).events).toEqual([]);
  });
});

describe('notifications', () => {
  test('those not read yet become read, by their member', () => {
    const state = given({ found: 2, unread: ['n2'] });
    expect(state.when(readNotifications, { userId: 'ada', ids: ['n1', 'n2'] }, 'user/ada')).toEqual({
      events: [{ type: 'notification.read', subject: 'user/ada', data: { ids: ['n2'] } }],
      result: { changed: 1 },
    });
    expect(state.when(readNotifications, { userId: 'ada', ids: 'all' }, 'user/ada').events[0]?.data).toEqual({ ids: 'all' });
    expect(state.refuses(readNotifications, { userId: 'ada', ids: ['n1', 'n2', 'foreign'] }, 'user/ada')).toBe('not_found');
    expect(state.refuses(readNotifications, { userId: 'ada', ids: 'all' }, 'user/eve')).toBe('not_found');
  });

  test('reading again makes no event', () => {
    expect(given({ found: 5, unread: [] }).when(readNotifications, { userId: 'ada', ids: 'all' }, 'user/ada').events).toEqual([]);
  });
});

describe('the system’s own life', () => {
  test('facts are checked against their type', () => {
    const data = { projection: 'activity', version: 1, events: 5, durationMs: 9, equal: true };
    expect(given(null).when(recordSystemEvent, { type: 'kirogate.projection.rebuilt', id: 'activity', data }).events).toEqual([
      { type: 'projection.rebuilt', subject: 'projection/activity', data },
    ]);
    expect(given(null).refuses(recordSystemEvent, { type: 'kirogate.projection.rebuilt', id: 'activity', data: {} })).toBe(
      'invalid_request data',
    );
    expect(recordSystemEvent.input.safeParse({ type: 'kirogate.user.banned', id: 'ada', data }).success).toBe(false);
  });

  test('an admin’s sign-in is the admin’s', () => {
    expect(given(null).when(recordAdminSignIn, {}, 'system').events[0]).toMatchObject({
      type: 'admin.signed-in',
      subject: 'admin',
      actor: 'admin',
    });
  });
});
