/** Every text field of every write row × texts that do harm elsewhere: refused by the field's name, or stored and shown as they are. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { visibleText } from '../../shared/safeText.js';
import type { Route } from './define.js';
import { routes } from './routes.js';
import { type Answer, adminPassword, type Member, openTestPanel, refreshTokenOf, type Session, type TestPanel } from './testing/panel.js';

const texts: Readonly<Record<string, string>> = {
  script: `<script>alert(1)</script><img src=x onerror="alert('2')">\u202e`,
  nul: 'before\u0000after',
  'lone surrogate': 'before\ud800after',
  'too long': 'x'.repeat(100_000),
  empty: '',
  spaces: '   \t\n ',
  unseen: '\u200b\u202e\u0000',
};

let panel: TestPanel;
let admin: Session;
let member: Member;
let keyId: string;
let tokenId: string;
let announcementId: string;
let serial = 0;
beforeAll(async () => {
  panel = await openTestPanel();
  admin = await panel.adminSession();
  member = await panel.member('ada');
  keyId = (await panel.call('POST', '/user/api/keys', { as: member, body: { name: 'a key' } })).body.id;
  tokenId = (await panel.call('POST', '/user/api/tokens', { as: member, body: credential() })).body.id;
  announcementId = (await panel.admin('POST', '/admin/api/announcements', { content: 'hello' })).body.id;
});
afterAll(() => panel.close());

const next = (): number => {
  serial += 1;
  return serial;
};
const credential = () => ({ provider: 'kiro', refreshToken: refreshTokenOf(`r${next()}`), visibility: 'public' });
const inList = async (path: string, answer: Answer): Promise<Record<string, unknown>> => {
  const { body } = await panel.admin('GET', path);
  return body.items.find((item: { id: string }) => item.id === answer.body.id);
};
const listedKey = (answer: Answer) => inList(`/admin/api/users/${member.id}/keys`, answer);

/** Bodies that are taken, by row, the ids in its path, and where its texts can be read again. */
interface Sample {
  readonly body: () => Record<string, unknown>;
  readonly id?: () => string;
  readonly shown?: (answer: Answer) => Promise<Record<string, unknown>>;
}
const samples: Readonly<Record<string, Sample>> = {
  'post /admin/login': { body: () => ({ password: adminPassword }) },
  'post /admin/api/users': {
    body: () => ({ username: 'grace', email: `grace${next()}@example.com`, password: 'long enough' }),
    shown: (answer) => inList('/admin/api/users?limit=500', answer),
  },
  'post /admin/api/users/:id/password': { body: () => ({ password: 'long enough' }), id: () => 'nobody' },
  'post /admin/api/users/batch-approve': { body: () => ({ ids: [member.id] }) },
  'post /admin/api/users/batch-ban': { body: () => ({ ids: ['nobody'], reason: 'because' }) },
  'post /admin/api/users/batch-unban': { body: () => ({ ids: [member.id] }) },
  'post /admin/api/users/:id/keys': { body: () => ({ name: 'a key' }), id: () => member.id, shown: listedKey },
  'post /admin/api/tokens': {
    body: () => credential(),
    shown: (answer) => inList('/admin/api/tokens?limit=500', answer),
  },
  'patch /admin/api/tokens/:id': { body: () => ({ name: 'a token' }), id: () => tokenId, shown: async ({ body }) => body },
  'post /admin/api/announcements': {
    body: () => ({ content: 'hello' }),
    shown: (answer) => inList('/admin/api/announcements', answer),
  },
  'patch /admin/api/announcements/:id': { body: () => ({ content: 'hello' }), id: () => announcementId, shown: async ({ body }) => body },
  'post /admin/api/import-keys': { body: () => ({ name: 'a script' }), shown: (answer) => inList('/admin/api/import-keys', answer) },
  'post /admin/api/ip-bans': {
    body: () => ({ ip: `198.51.100.${next() % 250}`, reason: 'because' }),
    shown: (answer) => inList('/admin/api/ip-bans?limit=500', answer),
  },
  'post /admin/api/parked-events/:id/discard': { body: () => ({ reason: 'because' }), id: () => 'nobody' },
  'post /admin/api/migrations/sqlite': { body: () => ({ path: 'nowhere.db' }) },
  'post /auth/register': {
    body: () => ({ username: 'lin', email: `lin${next()}@example.com`, password: 'long enough' }),
    shown: (answer) => inList('/admin/api/users?limit=500', answer),
  },
  'post /auth/login': { body: () => ({ email: member.email, password: member.password }) },
  'post /user/api/tokens': { body: () => credential(), shown: (answer) => inList('/admin/api/tokens?limit=500', answer) },
  'patch /user/api/tokens/:id': { body: () => ({ name: 'a token' }), id: () => tokenId, shown: async ({ body }) => body },
  // Never the right one: a change would end the session that the rest is sent with.
  'post /user/api/password': { body: () => ({ current: 'not this one', password: 'long enough' }) },
  'post /user/api/keys': { body: () => ({ name: 'a key' }), shown: listedKey },
  'patch /user/api/keys/:id': { body: () => ({ name: 'a key' }), id: () => keyId, shown: async ({ body }) => body },
};

/** Texts that a caller may choose freely, as `name` or `names[0]`. Those of one choice among some are no free text. */
function textFields(schema: z.core.JSONSchema.BaseSchema, path = ''): string[] {
  const options = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])] as z.core.JSONSchema.BaseSchema[];
  if (options.length > 0) return [...new Set(options.flatMap((option) => textFields(option, path)))];
  if (schema.type === 'string') return schema.enum === undefined && schema.const === undefined && path !== '' ? [path] : [];
  if (schema.type === 'array') return textFields(schema.items as z.core.JSONSchema.BaseSchema, `${path}[0]`);
  const members = Object.entries(schema.properties ?? {}) as [string, z.core.JSONSchema.BaseSchema][];
  return members.flatMap(([name, member]) => textFields(member, path === '' ? name : `${path}.${name}`));
}

const nameOf = (row: Route): string => `${row.method} ${row.path}`;
const cases = routes.flatMap((row) => {
  if (row.method === 'get' || row.body === undefined) return [];
  const fields = textFields(z.toJSONSchema(row.body, { io: 'input', unrepresentable: 'any' }));
  return fields.map((field): [string, string, Route] => [nameOf(row), field, row]);
});

const put = (body: Record<string, unknown>, field: string, text: string): Record<string, unknown> =>
  field.endsWith('[0]') ? { ...body, [field.slice(0, -3)]: [text] } : { ...body, [field]: text };

async function send(row: Route, field: string, text: string): Promise<Answer> {
  const sample = samples[nameOf(row)] as Sample;
  const path = row.path.replace(/:\w+/, sample.id?.() ?? 'nobody');
  const who = row.access === 'public' ? {} : { as: row.access === 'admin' ? admin : member };
  // Sign-ins are throttled by address.
  const headers = { 'x-test-address': `2001:db8::${next().toString(16)}` };
  return panel.call(row.method.toUpperCase(), path, { ...who, headers, body: put(sample.body(), field, text) });
}

/** Of a pair the half that is missing may be named; our `current` is wrong all the time. */
const alsoNamed: Readonly<Record<string, string>> = {
  'post /admin/api/tokens clientId': 'clientSecret',
  'post /user/api/tokens clientId': 'clientSecret',
  'post /user/api/password password': 'current',
};
const namesOf = (name: string, field: string): (string | undefined)[] => [field, alsoNamed[`${name} ${field}`]];

/** Names of models are given back as the upstream spells them, the rest as it was given, without what no text may hold. */
function expectShown(shown: Record<string, unknown>, field: string, text: string): void {
  const value = field.endsWith('[0]') ? (shown[field.slice(0, -3)] as unknown[])[0] : shown[field];
  const expected = visibleText(text, 100_000);
  // Nothing said is nothing, or what stands there by default.
  if (expected !== '') expect(value).toBe(expected);
}

describe('free text', () => {
  it('is known in every write row', () => {
    expect([...new Set(cases.map(([name]) => name))].sort()).toEqual(Object.keys(samples).sort());
    expect(cases.map(([name, field]) => `${name} ${field}`)).toContain('post /user/api/keys allowedModels[0]');
  });

  it.each(cases)('%s %s takes any text without harm, or refuses it by name', async (name, field, row) => {
    for (const [kind, text] of Object.entries(texts)) {
      const answer = await send(row, field, text);
      expect(answer.status, `${kind}: ${JSON.stringify(answer.body)}`).toBeLessThan(500);
      expect(JSON.stringify(answer.body ?? null).length, kind).toBeLessThan(20_000);
      if (answer.status === 400) expect(namesOf(name, field), kind).toContain(answer.body.error.param);
      if (kind === 'too long') expect([400, 401, 413], JSON.stringify(answer.body)).toContain(answer.status);
      if (answer.status >= 300) continue;
      const shown = await samples[nameOf(row)]?.shown?.(answer);
      if (shown && Object.hasOwn(shown, field.replace('[0]', ''))) expectShown(shown, field, text);
    }
  });

  it.each(['/user/api/tokens/import'])('%s judges each entry by itself', async (path) => {
    const fields = ['name', 'provider', 'refreshToken', 'authType', 'region', 'clientId', 'allowedModels[0]', 'visibility'];
    for (const field of fields) {
      const body = Object.values(texts).map((text) => put(credential(), field, text));
      const answer = await panel.call('POST', path, { as: member, body });
      expect(answer.status).toBe(200);
      expect(answer.body.accepted + answer.body.rejected.length).toBe(body.length);
      expect(answer.body.rejected.map(({ index }: { index: number }) => index)).toContain(3);
      for (const { reason } of answer.body.rejected) expect(reason.length).toBeLessThanOrEqual(300);
    }
  });
});
