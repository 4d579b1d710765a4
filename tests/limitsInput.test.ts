/** Limits and quotas that are no such number: refused with the field and the whole range, and nothing changes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../src/config.js';
import { type MemberPanel, memberPanel } from './support/memberPanel.js';
import { ADMIN_API_KEY, type Service, startService } from './support/service.js';
import { addTokens } from './support/traffic.js';

let service: Service;
let member: MemberPanel;
let target: { userId: string; keyId: string; siteToken: string; ownToken: string };

beforeAll(async () => {
  service = await startService();
  member = await memberPanel(service, 'careful');
  const [site] = await addTokens(service, 1);
  const [own] = await addTokens(service, 1, { userId: member.userId, visibility: 'private' });
  const { items } = await member.get<{ items: { id: string }[] }>('/user/api/keys');
  target = { userId: member.userId, keyId: items[0]?.id ?? '', siteToken: site?.id ?? '', ownToken: own?.id ?? '' };
});
afterAll(() => service.stop());

type Send = (method: string, path: string, body: string) => Promise<Response>;

const asAdmin: Send = (method, path, body) =>
  fetch(`${service.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_API_KEY}`, 'content-type': 'application/json' },
    body,
  });
const asMember: Send = (method, path, body) => member.send(method, path, body);

interface Place {
  readonly field: string;
  readonly range: string;
  readonly method: string;
  readonly path: () => string;
  readonly send: Send;
  /** What else the body needs, as JSON members. */
  readonly beside?: string;
}

const setting = (field: string, range: string): readonly Place[] => [
  { field, range, method: 'PUT', path: () => '/admin/api/config', send: asAdmin },
  { field, range, method: 'POST', path: () => '/admin/config/reload', send: asAdmin },
];
const rpm = 'an integer from 1 to 100000';
const quota = 'an integer from 0 to 1000000000';
const cap = 'an integer from 1 to 1000000000';
const donation = '"provider":"kiro","authType":"social","refreshToken":"never-taken-by-anybody-000","visibility":"public"';

const places: readonly Place[] = [
  ...setting('token_rpm_limit', rpm),
  ...setting('token_rph_limit', 'an integer from 1 to 1000000'),
  ...setting('token_max_concurrent', 'an integer from 1 to 10000'),
  ...setting('token_max_consecutive_uses', 'an integer from 1 to 1000000'),
  ...setting('token_pacing_min_ms', 'an integer from 0 to 60000'),
  ...setting('token_pacing_max_ms', 'an integer from 0 to 60000'),
  ...setting('default_user_daily_quota', quota),
  ...setting('default_user_monthly_quota', quota),
  ...setting('default_key_rpm_limit', rpm),
  { field: 'daily', range: quota, method: 'PUT', path: () => `/admin/api/users/${target.userId}/quota`, send: asAdmin },
  { field: 'monthly', range: quota, method: 'PUT', path: () => `/admin/api/users/${target.userId}/quota`, send: asAdmin },
  {
    field: 'rpmLimit',
    range: rpm,
    method: 'POST',
    path: () => `/admin/api/users/${target.userId}/keys`,
    send: asAdmin,
    beside: '"name":"x"',
  },
  { field: 'rpmLimit', range: rpm, method: 'POST', path: () => '/user/api/keys', send: asMember, beside: '"name":"x"' },
  { field: 'rpmLimit', range: rpm, method: 'PATCH', path: () => `/user/api/keys/${target.keyId}`, send: asMember },
  { field: 'dailyCap', range: cap, method: 'POST', path: () => '/admin/api/tokens', send: asAdmin, beside: donation },
  { field: 'dailyCap', range: cap, method: 'POST', path: () => '/user/api/tokens', send: asMember, beside: donation },
  { field: 'dailyCap', range: cap, method: 'PATCH', path: () => `/admin/api/tokens/${target.siteToken}`, send: asAdmin },
  { field: 'dailyCap', range: cap, method: 'PATCH', path: () => `/user/api/tokens/${target.ownToken}`, send: asMember },
];

/** JSON texts, so that numbers which no JavaScript value spells are among them. */
const bad = ['-1', '1.5', '1e400', '1e18', '99999999999999999999', '"10"', '"NaN"', '""', 'true', '[5]', '{}'];

describe.each(places)('$field by $method', ({ field, range, method, path, send, beside }) => {
  const zero = range.includes('from 0') ? [] : ['0', '-0'];
  it.each([...bad, ...zero])('%s is refused with the field and the whole range', async (value) => {
    const response = await send(method, path(), `{${beside === undefined ? '' : `${beside},`}"${field}":${value}}`);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { code: string; message: string; param: string } };
    expect(error).toMatchObject({ code: 'invalid_request', param: field });
    expect(error.message).toBe(`${field} must be ${range}, or null`);
  });
});

describe('what was refused', () => {
  it('changed nothing', async () => {
    const config = await service.admin.get<{ stored: object; token_rpm_limit: number }>('/admin/api/config');
    expect(config.stored).toEqual({});
    const { items: users } = await service.admin.get<{ items: object[] }>(`/admin/api/users?q=${target.userId}`);
    expect(users[0]).toMatchObject({ quotaDaily: null, quotaMonthly: null });
    const { items: keys } = await member.get<{ items: { rpmLimit: number | null }[] }>('/user/api/keys');
    expect(keys.map((key) => key.rpmLimit)).toEqual([null]);
    const tokens = await service.admin.all<{ dailyCap: number | null }>('/admin/api/tokens');
    expect(tokens.map((token) => token.dailyCap)).toEqual([null, null]);
  });
});

describe('a share', () => {
  it.each(['-0.1', '1.01', '"0.5"', 'true', '1e400'])('token_min_success_rate = %s is refused', async (value) => {
    const response = await asAdmin('PUT', '/admin/api/config', `{"token_min_success_rate":${value}}`);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string; param: string } };
    expect(error).toMatchObject({
      param: 'token_min_success_rate',
      message: 'token_min_success_rate must be a number from 0 to 1, or null',
    });
  });
});

describe('bounds of the wait that only fit together or not', () => {
  const put = async (body: object): Promise<{ status: number; error?: { param: string; message: string } }> => {
    const response = await asAdmin('PUT', '/admin/api/config', JSON.stringify(body));
    return { status: response.status, ...((await response.json()) as object) };
  };

  it('are compared on what would be in force: both sent, one sent, or one handed back to the environment', async () => {
    const both = await put({ token_pacing_min_ms: 900, token_pacing_max_ms: 800 });
    expect(both).toMatchObject({ status: 400, error: { param: 'token_pacing_min_ms' } });
    expect(both.error?.message).toBe('token_pacing_min_ms (900) is above token_pacing_max_ms (800)');
    // The environment of this node says 0 and 0.
    expect((await put({ token_pacing_min_ms: 1 })).status).toBe(400);
    expect((await put({ token_pacing_min_ms: 500, token_pacing_max_ms: 700 })).status).toBe(200);
    expect((await put({ token_pacing_max_ms: 499 })).status).toBe(400);
    expect((await put({ token_pacing_max_ms: null })).error?.message).toBe('token_pacing_min_ms (500) is above token_pacing_max_ms (0)');
    expect(await service.admin.get('/admin/api/config')).toMatchObject({ token_pacing_min_ms: 500, token_pacing_max_ms: 700 });
    expect((await put({ token_pacing_min_ms: null, token_pacing_max_ms: null })).status).toBe(200);
  });

  it('in the environment stop the start', () => {
    expect(() => loadConfig({ TOKEN_PACING_MIN_MS: '900', TOKEN_PACING_MAX_MS: '800' })).toThrow(
      'TOKEN_PACING_MIN_MS is above TOKEN_PACING_MAX_MS',
    );
  });
});

describe('the environment', () => {
  const faultOf = (env: Record<string, string>): string => {
    try {
      loadConfig(env);
    } catch (error) {
      if (error instanceof ConfigError) return error.faults.join('\n');
      throw error;
    }
    return '';
  };

  describe.each([
    ['TOKEN_RPM_LIMIT', 1, 100_000],
    ['TOKEN_RPH_LIMIT', 1, 1_000_000],
    ['TOKEN_MAX_CONCURRENT', 1, 10_000],
    ['TOKEN_MAX_CONSECUTIVE_USES', 1, 1_000_000],
    ['TOKEN_PACING_MIN_MS', 0, 60_000],
    ['TOKEN_PACING_MAX_MS', 0, 60_000],
    ['DEFAULT_USER_DAILY_QUOTA', 0, 1_000_000_000],
    ['DEFAULT_USER_MONTHLY_QUOTA', 0, 1_000_000_000],
    ['DEFAULT_KEY_RPM_LIMIT', 1, 100_000],
    ['TOKEN_HEALTH_CHECK_INTERVAL', 1, 86_400],
  ])('%s', (name, least, most) => {
    const values = ['-1', '1.5', '1e3', '1e400', '99999999999999999999', 'NaN', 'Infinity', 'ten', 'true', '0x10', '5 5', '[5]', '1_000'];
    it.each([...values, String(least - 1), String(most + 1)])('= %s is refused with its range', (value) => {
      expect(faultOf({ [name]: value })).toMatch(new RegExp(`^${name} \\(.*whole number from ${least} to ${most},.*got "`));
    });
    it('takes both ends of its range', () => {
      const pacing = name === 'TOKEN_PACING_MIN_MS' ? { TOKEN_PACING_MAX_MS: '60000' } : { TOKEN_PACING_MIN_MS: '0' };
      expect(loadConfig({ ...pacing, [name]: String(least) })).toHaveProperty(name, least);
      expect(loadConfig({ ...pacing, [name]: String(most) })).toHaveProperty(name, most);
    });
  });

  it.each(['-0.1', '1.1', 'NaN', 'half', ''])('TOKEN_MIN_SUCCESS_RATE = %j is refused, or unset when empty', (value) => {
    const fault = faultOf({ TOKEN_MIN_SUCCESS_RATE: value, TOKEN_RISK_THRESHOLD: value });
    if (value === '') expect(fault).toBe('');
    else expect(fault).toMatch(/TOKEN_RISK_THRESHOLD .*number from 0 to 1.*\n.*TOKEN_MIN_SUCCESS_RATE .*number from 0 to 1/);
  });
});
