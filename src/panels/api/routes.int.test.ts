/** What holds for every row alike: nobody gets in who should not, nothing unknown is taken, every answer has its shape. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../shared/clock.js';
import { routes } from './routes.js';
import { createSessionSigner } from './session.js';
import { adminApiKey, type Member, openTestPanel, type Session, type TestPanel } from './testing/panel.js';

let panel: TestPanel;
let admin: Session;
let member: Member;
beforeAll(async () => {
  panel = await openTestPanel();
  admin = await panel.adminSession();
  member = await panel.member('ada');
});
afterAll(() => panel.close());

const path = (pattern: string): string => pattern.replace(/:\w+/g, 'nobody');
const label = (row: (typeof routes)[number]): [string, (typeof routes)[number]] => [`${row.method.toUpperCase()} ${row.path}`, row];
const guarded = routes.filter((row) => row.access !== 'public').map(label);
const adminRows = routes.filter((row) => row.access === 'admin').map(label);
const memberRows = routes.filter((row) => row.access === 'member').map(label);
const writes = routes.filter((row) => row.method !== 'get' && (row.access === 'admin' || row.access === 'member')).map(label);

const shapedError = z.strictObject({
  error: z.looseObject({ message: z.string(), type: z.string(), code: z.string(), param: z.string().nullable() }),
});

describe('every guarded row', () => {
  it.each(guarded)('%s refuses a stranger with 401', async (_name, row) => {
    const { status, body } = await panel.call(row.method.toUpperCase(), path(row.path));
    expect(status).toBe(401);
    shapedError.parse(body);
  });

  it.each(guarded)('%s refuses made-up sessions and keys with 401', async (_name, row) => {
    const forged = createSessionSigner({ purpose: 'user', secret: 'guessed', clock: systemClock }).issue(member.id, 1).cookie;
    const attempts = [
      { cookie: `admin_session=${forged}; user_session=${forged}` },
      { cookie: 'admin_session={}; user_session={}' },
      { cookie: `admin_session=${member.cookie.split('=')[1]}` },
      { authorization: 'Bearer' },
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${adminApiKey}x` },
      { authorization: 'Bearer sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' },
    ];
    for (const headers of attempts) {
      const answer = await panel.call(row.method.toUpperCase(), path(row.path), { headers: headers as Record<string, string> });
      expect(answer.status).toBe(401);
    }
  });
});

describe('every admin row', () => {
  it.each(adminRows)('%s refuses a member with 403', async (_name, row) => {
    const { status, body } = await panel.call(row.method.toUpperCase(), path(row.path), { as: member });
    expect([status, body.error.code]).toEqual([403, 'forbidden']);
  });
});

describe('every member row', () => {
  it.each(memberRows)('%s refuses the admin, who is no member, with 401', async (_name, row) => {
    const { status } = await panel.call(row.method.toUpperCase(), path(row.path), { as: admin });
    expect(status).toBe(401);
    expect((await panel.admin(row.method.toUpperCase(), path(row.path))).status).toBe(401);
  });
});

describe('every write by cookie', () => {
  it.each(writes)('%s needs the CSRF token of its own session', async (_name, row) => {
    const session = row.access === 'admin' ? admin : member;
    const other = row.access === 'admin' ? member : admin;
    for (const csrfToken of ['', 'wrong', other.csrfToken]) {
      const { status, body } = await panel.call(row.method.toUpperCase(), path(row.path), { as: { cookie: session.cookie, csrfToken } });
      expect([status, body.error.code]).toEqual([403, 'csrf_mismatch']);
    }
  });
});

describe('every row', () => {
  const as = (row: (typeof routes)[number]) => (row.access === 'admin' ? { as: admin } : row.access === 'member' ? { as: member } : {});
  // Providers put more behind a callback's address than was asked for.
  const known = routes.filter((row) => row.access !== 'import-key' && !row.path.endsWith('/callback')).map(label);

  it.each(known)('%s refuses a query parameter it does not know, by name', async (_name, row) => {
    const { status, body } = await panel.call(row.method.toUpperCase(), `${path(row.path)}?no-such-thing=1`, as(row));
    expect([status, body.error.code, body.error.param]).toEqual([400, 'invalid_request', 'no-such-thing']);
  });

  // A file of credentials is judged line by line.
  it.each(known.filter(([, row]) => row.method !== 'get' && row.text !== true))(
    '%s refuses a body that is no object or holds an unknown key',
    async (_name, row) => {
      const call = (body: unknown) => panel.call(row.method.toUpperCase(), path(row.path), { ...as(row), body });
      for (const body of ['[]', '"text"', '12', 'null', '{"no-such-thing":1}', '{', '{"__proto__":{"status":"active"}}']) {
        const answer = await call(body);
        expect([body, answer.status]).toEqual([body, 400]);
        shapedError.parse(answer.body);
      }
    },
  );

  it.each(known.filter(([, row]) => row.path.includes(':')))('%s refuses what is no id, by name', async (_name, row) => {
    const parameter = /:(\w+)/.exec(row.path)?.[1];
    for (const bad of ['%20', "a'%20or%201=1", '%00', 'x'.repeat(65), '..%2f..']) {
      const { status, body } = await panel.call(row.method.toUpperCase(), row.path.replace(/:\w+/, bad), as(row));
      expect([bad, status, body.error.param]).toEqual([bad, 400, parameter]);
    }
  });

  it.each(known.filter(([, row]) => row.query && 'limit' in (row.query as z.ZodObject).shape))(
    '%s bounds its page and knows its cursors',
    async (_name, row) => {
      for (const [query, param] of [
        ['limit=0', 'limit'],
        ['limit=501', 'limit'],
        ['limit=ten', 'limit'],
        ['limit=5&limit=6', 'limit'],
        ['cursor=zzz', 'cursor'],
        ['cursor=', 'cursor'],
      ] as const) {
        const { status, body } = await panel.call('GET', `${path(row.path).replace('nobody', member.id)}?${query}`, as(row));
        expect([query, status]).toEqual([query, 400]);
        expect([param, 'after']).toContain(body.error.param);
      }
    },
  );

  it('never lets markup or quotes in a search become anything but text', async () => {
    const q = encodeURIComponent(`%_\\'"<script>; drop table users; --`);
    const { status, body } = await panel.admin('GET', `/admin/api/users?q=${q}`);
    expect([status, body.items]).toEqual([200, []]);
  });

  it('has a path and method of its own', () => {
    const names = routes.map((row) => `${row.method} ${row.path.replace(/:\w+/g, ':')}`);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('/openapi.json', () => {
  it('shows every row with its schemas and who may call it, and the routes that others serve', async () => {
    const { status, body } = await panel.call('GET', '/openapi.json');
    expect(status).toBe(200);
    expect(body).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
    for (const row of routes) {
      const operation = body.paths[row.path.replace(/:(\w+)/g, '{$1}')]?.[row.method];
      expect(operation, row.path).toBeDefined();
      expect(operation.summary).toBe(row.summary);
      expect(Object.keys(operation.responses)).toContain(String(row.status));
      expect(operation.security.length > 0).toBe(row.access !== 'public');
      expect(operation.requestBody !== undefined).toBe(row.body !== undefined);
    }
    expect(body.paths['/v1/models/{id}'].get.parameters).toEqual([{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }]);
    expect(body.paths['/admin/api/users'].get.parameters.find((one: { name: string }) => one.name === 'limit').schema).toMatchObject({
      type: 'integer',
      maximum: 500,
    });
  });

  it('holds no dangling reference', async () => {
    const text = await (await fetch(`${panel.base}/openapi.json`)).text();
    const refs = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]);
    expect(new Set(refs)).toEqual(new Set(['#/components/schemas/Error']));
  });
});
