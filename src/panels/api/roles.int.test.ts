/** Every route with every kind of caller, against a table that was written by hand: the right ones pass the door, the others do not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Access } from './define.js';
import { routes } from './routes.js';
import { adminApiKey, type CallOptions, openTestPanel, type TestPanel } from './testing/panel.js';
import { routesByAccess } from './testing/routesByAccess.js';

type Role = 'stranger' | 'member' | 'memberWithoutCsrf' | 'admin' | 'adminWithoutCsrf' | 'adminKey' | 'importKey';

/** Status at the door; null: let in, whatever the handler says then. A write without its CSRF token is 403, a reading needs none. */
const door: Readonly<Record<Access, Readonly<Record<Role, number | null | 'csrf'>>>> = {
  public: { stranger: null, member: null, memberWithoutCsrf: null, admin: null, adminWithoutCsrf: null, adminKey: null, importKey: null },
  member: { stranger: 401, member: null, memberWithoutCsrf: 'csrf', admin: 401, adminWithoutCsrf: 401, adminKey: 401, importKey: 401 },
  admin: { stranger: 401, member: 403, memberWithoutCsrf: 403, admin: null, adminWithoutCsrf: 'csrf', adminKey: null, importKey: 401 },
  'import-key': { stranger: 401, member: 401, memberWithoutCsrf: 401, admin: 401, adminWithoutCsrf: 401, adminKey: 401, importKey: null },
};

let panel: TestPanel;
let callers: Record<Role, CallOptions>;
beforeAll(async () => {
  panel = await openTestPanel();
  const admin = await panel.adminSession();
  const member = await panel.member('ada');
  const { key } = (await panel.admin('POST', '/admin/api/import-keys', { name: 'script' })).body;
  callers = {
    stranger: {},
    member: { as: member },
    memberWithoutCsrf: { headers: { cookie: member.cookie } },
    admin: { as: admin },
    adminWithoutCsrf: { headers: { cookie: admin.cookie } },
    adminKey: { headers: { authorization: `Bearer ${adminApiKey}` } },
    importKey: { headers: { authorization: `Bearer ${key}` } },
  };
});
afterAll(() => panel.close());

const named = new Map(routes.map((row) => [`${row.method} ${row.path}`, row]));

it('the table names every route, and no other', () => {
  expect(Object.values(routesByAccess).flat().sort()).toEqual([...named.keys()].sort());
});

describe.each(Object.entries(routesByAccess) as [Access, readonly string[]][])('for %s', (access, names) => {
  it.each(names)('%s opens to the right callers', async (name) => {
    const [method = '', path = ''] = name.split(' ');
    for (const [role, wanted] of Object.entries(door[access]) as [Role, number | null | 'csrf'][]) {
      const expected = wanted === 'csrf' ? (method === 'get' ? null : 403) : wanted;
      // An unknown query parameter: who is let in is told so, before anything happens.
      const { status } = await panel.call(method.toUpperCase(), `${path.replace(/:\w+/g, 'nobody')}?no-such-thing=1`, callers[role]);
      if (expected === null) expect([role, [401, 403].includes(status)]).toEqual([role, false]);
      else expect([role, status]).toEqual([role, expected]);
    }
  });
});
