/** The caps as the upstream saw them, with the simulator as witness (promises 2 and 3, spec R12 and R13). */
import { afterEach, describe, expect, it } from 'vitest';
import { type Service, startService } from './support/service.js';
import { until } from './support/until.js';

let service: Service | undefined;
afterEach(async () => {
  await service?.stop();
  service = undefined;
});

async function pool(size: number, env: Record<string, string>): Promise<Service> {
  service = await startService({ env });
  for (let i = 0; i < size; i += 1) {
    const { refreshToken } = service.sim.addCredential({ kind: 'social' });
    await service.admin.post('/admin/api/tokens', { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' });
  }
  return service;
}

const send = (url: string, key: string, content: string): Promise<Response> =>
  fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 50, messages: [{ role: 'user', content }] }),
  });

describe('the caps, as the upstream saw them', () => {
  it('hold in a burst of 500 parallel requests over 5 tokens, and every refusal says when to come back', async () => {
    const { url, sim, admin } = await pool(5, { TOKEN_MAX_CONCURRENT: '2', TOKEN_RPM_LIMIT: '10', TOKEN_RPH_LIMIT: '30' });
    const { key } = await admin.member('burst');
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => send(url, key, `[[sim delay 5]] ${i}`)));
    const statuses = answers.map((answer) => answer.status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    for (const answer of answers.filter(({ status }) => status === 429)) {
      expect(((await answer.json()) as { error: { code: string } }).error.code).toBe('pool_exhausted');
      const seconds = Number(answer.headers.get('retry-after'));
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds).toBeLessThanOrEqual(62);
    }
    for (const tally of Object.values(sim.witness().credentials)) {
      expect(tally.maxConcurrent).toBeLessThanOrEqual(2);
      expect(tally.maxPer60s).toBeLessThanOrEqual(10);
    }
    expect(sim.witness().overall.requests).toBe(statuses.filter((status) => status === 200).length);
  });

  it('fill every window to its brim and no further when requests keep coming', async () => {
    const { url, sim, admin } = await pool(5, { TOKEN_MAX_CONCURRENT: '2', TOKEN_RPM_LIMIT: '10' });
    const { key } = await admin.member('patient');
    const worker = async (n: number): Promise<number> => {
      let served = 0;
      for (let i = 0; i < 30; i += 1) if ((await send(url, key, `${n} ${i}`)).status === 200) served += 1;
      return served;
    };
    const served = (await Promise.all(Array.from({ length: 8 }, (_, n) => worker(n)))).reduce((sum, n) => sum + n, 0);
    expect(served).toBe(50);
    for (const tally of Object.values(sim.witness().credentials)) expect(tally.maxPer60s).toBe(10);
  });

  it('let 300 parallel requests on a quota of 50 reach the upstream exactly 50 times, in whatever order they come', async () => {
    const { url, sim, admin } = await pool(5, { DEFAULT_USER_DAILY_QUOTA: '50' });
    const { key, userId } = await admin.member('frugal');
    const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => send(url, key, String(i))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(sim.witness().overall.requests).toBe(50);
    const used = await until('the terminal events', async () => {
      const events = await admin.all<{ data: { userId: string } }>('/admin/api/events?types=kirogate.token.used&limit=500');
      return events.length === 50 ? events : undefined;
    });
    expect(used.every((event) => event.data.userId === userId)).toBe(true);
    expect((await admin.all('/admin/api/events?types=kirogate.quota.hit')).length).toBe(1);
    expect((await admin.all('/admin/api/events?types=kirogate.quota.warned')).length).toBe(1);
  });

  it('spread 40 new conversations over 5 equal tokens, 8 ± 2 each', async () => {
    const { url, sim, admin } = await pool(5, {});
    const { key } = await admin.member('many');
    await Promise.all(Array.from({ length: 40 }, (_, i) => send(url, key, `[[sim delay 20]] conversation ${i}`)));
    const counts = Object.values(sim.witness().credentials).map((tally) => tally.requests);
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(40);
    for (const count of counts) expect(Math.abs(count - 8)).toBeLessThanOrEqual(2);
  });

  it('keep one conversation on one token while limits allow', async () => {
    const { url, sim, admin } = await pool(5, { TOKEN_MAX_CONSECUTIVE_USES: '1000' });
    const { key } = await admin.member('loyal');
    for (let i = 0; i < 10; i += 1) expect((await send(url, key, 'the same beginning')).status).toBe(200);
    expect(Object.values(sim.witness().credentials).filter((tally) => tally.requests > 0)).toHaveLength(1);
  });
});

describe('what the upstream says of an account', () => {
  const cases: readonly [string, { status: number; reason: string | null; message: string }, string, string | null][] = [
    [
      'a lock suspends it until an admin resumes it',
      { status: 403, reason: 'TEMPORARILY_SUSPENDED', message: 'Your account is suspended; we locked your account' },
      'suspended',
      'upstream',
    ],
    [
      'an empty purse parks it',
      { status: 402, reason: 'MONTHLY_REQUEST_COUNT', message: 'You have reached the limit.' },
      'suspended',
      'credits',
    ],
    [
      'risk control cools it for at least 30 minutes',
      { status: 429, reason: null, message: 'suspicious activity detected; temporary limits apply' },
      'cooling',
      null,
    ],
  ];
  it.each(cases)('%s', async (_name, error, status, statusReason) => {
    const { url, sim, admin } = await pool(1, {});
    const { key } = await admin.member('unlucky');
    sim.behave([{ error }]);
    expect((await send(url, key, 'hi')).status).toBe(502);
    const token = await until('the token to change', async () => {
      const [one] = await admin.all<{ status: string; statusReason: string | null; cooldownUntil: string | null }>('/admin/api/tokens');
      return one?.status === status ? one : undefined;
    });
    expect(token.statusReason).toBe(statusReason);
    if (status === 'cooling') expect(Date.parse(token.cooldownUntil ?? '') - Date.now()).toBeGreaterThan(29 * 60_000);
    const next = await send(url, key, 'again');
    expect([429, 503]).toContain(next.status);
    expect(sim.witness().overall.requests).toBe(1);
  });

  it('a global shortage costs no token anything and is answered 503 with Retry-After', async () => {
    const { url, sim, admin } = await pool(2, {});
    const { key } = await admin.member('crowd');
    sim.behave([{ error: { status: 429, reason: 'INSUFFICIENT_MODEL_CAPACITY', message: 'high volume of traffic' } }]);
    const answer = await send(url, key, 'hi');
    expect(answer.status).toBe(503);
    expect(((await answer.json()) as { error: { code: string } }).error.code).toBe('upstream_overloaded');
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    const tokens = await admin.all<{ status: string; consecutiveFails: number }>('/admin/api/tokens');
    expect(tokens.every((token) => token.status === 'active' && token.consecutiveFails === 0)).toBe(true);
  });
});
