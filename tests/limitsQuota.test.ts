/** Quotas as the simulator, the quota API and the member's notifications see them, under many requests at once (promise 3, spec R13). */
import { afterEach, describe, expect, it } from 'vitest';
import { type MemberPanel, memberPanel } from './support/memberPanel.js';
import { type Service, startService } from './support/service.js';
import { startTimeMachine, type TimeMachine } from './support/timeMachine.js';
import { addTokens, ask, terminals } from './support/traffic.js';
import { until } from './support/until.js';

let service: Service | undefined;
let time: TimeMachine | undefined;
afterEach(async () => {
  time?.restore();
  time = undefined;
  await service?.stop();
  service = undefined;
});

interface Quota {
  daily: { limit: number; used: number; remaining: number; resetAt: string };
  monthly: { limit: number; used: number };
}
interface Notification {
  type: string;
  message: string;
}

async function memberOf(env: Record<string, string>): Promise<{ node: Service; member: MemberPanel }> {
  const node = await startService({ env });
  service = node;
  await addTokens(node, 5);
  return { node, member: await memberPanel(node, 'counted') };
}

const volley = async (node: Service, key: string, size: number, content: (i: number) => string): Promise<number[]> =>
  Promise.all(
    Array.from({ length: size }, async (_, i) => {
      const answer = await ask(node.url, key, content(i), { stream: i % 2 === 0 });
      await answer.text();
      return answer.status;
    }),
  );

describe('a quota of 50', () => {
  it('is charged exactly 50 times when some of 300 parallel requests fail and are given back', async () => {
    const { node, member } = await memberOf({ DEFAULT_USER_DAILY_QUOTA: '50' });
    // Refused by the upstream as the client's own fault: one call, no second try, nothing delivered.
    const content = (i: number): string => (i % 4 === 0 ? `[[sim error 400 - not like this]] ${i}` : `[[sim delay ${i % 7}]] ${i}`);
    const statuses = await volley(node, member.key, 300, content);
    expect(new Set(statuses)).toEqual(new Set([200, 400, 429]));
    const givenBack = statuses.filter((status) => status === 400).length;
    expect(givenBack).toBeGreaterThan(0);
    expect(node.sim.witness().overall.completed).toBeLessThanOrEqual(50);

    // What was given back may be used; not one more.
    const rest = await volley(node, member.key, 60, (i) => `the rest ${i}`);
    const delivered = [...statuses, ...rest].filter((status) => status === 200).length;
    expect(delivered).toBe(50);
    expect(rest).toContain(429);
    const { overall } = node.sim.witness();
    expect(overall.completed).toBe(50);
    expect(overall.refused).toBe(givenBack);

    const ends = await terminals(node, 50 + givenBack);
    expect(ends).toHaveLength(50 + givenBack);
    expect(ends.filter((end) => end.data.charged)).toHaveLength(50);
    const quota = await member.get<Quota>('/user/api/quota');
    expect(quota.daily).toMatchObject({ limit: 50, used: 50, remaining: 0 });
    expect(quota.monthly.used).toBe(50);
  });

  it('also counts who left after the upstream was called, and never more than 50 in all', async () => {
    const { node, member } = await memberOf({ DEFAULT_USER_DAILY_QUOTA: '50' });
    const leaving = new Map<string, AbortController>();
    node.sim.behave(({ text }) => {
      const leaver = leaving.get(text.trim());
      leaver?.abort();
      return leaver ? { delayMs: 20 } : text.startsWith('failing') ? { error: { status: 500, message: 'no' } } : undefined;
    });
    const one = async (i: number): Promise<number> => {
      const name = `${i % 3 === 0 ? 'leaving' : i % 7 === 0 ? 'failing' : 'staying'} ${i}`;
      const abort = new AbortController();
      if (name.startsWith('leaving')) leaving.set(name, abort);
      try {
        const answer = await ask(node.url, member.key, name, { signal: abort.signal });
        await answer.text();
        return answer.status;
      } catch {
        return 499;
      }
    };
    await Promise.all(Array.from({ length: 200 }, (_, i) => one(i)));
    let last = 0;
    for (let i = 1_000; last !== 429; i += 1) last = await one(i * 21 + 1);
    const reached = new Set(
      node.sim.requests({ limit: 10_000 }).flatMap((call) => (call.operation === 'generate' ? [call.invocationId] : [])),
    );
    const ends = await terminals(node, reached.size);
    expect(ends.filter((end) => end.data.charged)).toHaveLength(50);
    expect(ends.some((end) => end.type === 'kirogate.request.cancelled' && end.data.charged)).toBe(true);
    expect(ends.some((end) => end.type === 'kirogate.request.failed' && !end.data.charged)).toBe(true);
    expect((await member.get<Quota>('/user/api/quota')).daily.used).toBe(50);
  });

  it('tells its member once that 80 % are used, however many cross the mark together, and once more in the next period', async () => {
    const { node, member } = await memberOf({ DEFAULT_USER_DAILY_QUOTA: '50' });
    const told = async (): Promise<Notification[]> =>
      (await member.get<{ items: Notification[] }>('/user/api/notifications')).items.filter((one) => one.type === 'quota_warning');
    const archived = (total: number): Promise<unknown> => terminals(node, total);

    await volley(node, member.key, 39, (i) => `before ${i}`);
    await archived(39);
    expect(await told()).toHaveLength(0);
    await volley(node, member.key, 60, (i) => `across ${i}`);
    await archived(50);
    const first = await until('the notification', async () => ((await told()).length > 0 ? told() : undefined));
    expect(first).toHaveLength(1);
    expect(first[0]?.message).toContain('daily');
    await volley(node, member.key, 10, (i) => `after ${i}`);

    time = startTimeMachine();
    const { daily } = await member.get<Quota>('/user/api/quota');
    time.advance(Date.parse(daily.resetAt) - Date.now() + 1_000);
    await member.signIn();
    expect((await member.get<Quota>('/user/api/quota')).daily).toMatchObject({ used: 0, remaining: 50 });
    await volley(node, member.key, 60, (i) => `tomorrow ${i}`);
    await archived(100);
    await until('the second notification', async () => ((await told()).length > 1 ? true : undefined));
    expect(await told()).toHaveLength(2);
    expect((await member.get<Quota>('/user/api/quota')).daily.used).toBe(50);
  });
});
