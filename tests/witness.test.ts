/** The caps as the upstream saw them, with the simulator as witness (promises 2 and 3, spec R12 and R13). */
import { afterEach, describe, expect, it } from 'vitest';
import { type Service, startService } from './support/service.js';
import { startTimeMachine, type TimeMachine } from './support/timeMachine.js';
import { addTokens, codeOf, ask as send, terminals } from './support/traffic.js';
import { until } from './support/until.js';

let service: Service | undefined;
let time: TimeMachine | undefined;
afterEach(async () => {
  time?.restore();
  time = undefined;
  await service?.stop();
  service = undefined;
});

async function pool(size: number, env: Record<string, string>): Promise<Service> {
  service = await startService({ env });
  await addTokens(service, size);
  return service;
}

interface Caps {
  readonly concurrent: number;
  readonly perMinute: number;
  readonly perHour: number;
}

function expectCapsHeld({ sim }: Service, caps: Caps): void {
  const tallies = Object.values(sim.witness().credentials);
  expect(tallies.length).toBeGreaterThan(0);
  for (const tally of tallies) {
    expect(tally.maxConcurrent).toBeLessThanOrEqual(caps.concurrent);
    expect(tally.maxPer60s).toBeLessThanOrEqual(caps.perMinute);
    expect(tally.maxPer3600s).toBeLessThanOrEqual(caps.perHour);
    expect(tally.saturated).toBe(false);
  }
}

/** Every request that reached the upstream has one terminal event, and nothing else has one. */
async function expectOneEndEach(node: Service): Promise<void> {
  const reached = new Set(node.sim.requests({ limit: 10_000 }).flatMap((one) => (one.operation === 'generate' ? [one.invocationId] : [])));
  const ends = await terminals(node, reached.size);
  expect(ends.map((end) => end.data.requestId).sort()).toEqual([...reached].sort());
}

describe('the caps, as the upstream saw them', () => {
  it('hold in a burst of 500 parallel requests over 5 tokens, and every refusal says when to come back', async () => {
    const node = await pool(5, { TOKEN_MAX_CONCURRENT: '2', TOKEN_RPM_LIMIT: '10', TOKEN_RPH_LIMIT: '30' });
    const { url, sim, admin } = node;
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
    expectCapsHeld(node, { concurrent: 2, perMinute: 10, perHour: 30 });
    expect(sim.witness().overall.requests).toBe(statuses.filter((status) => status === 200).length);
  });

  it('hold for minute, hour and concurrency with failures, empty replies, broken streams, clients that leave and second tries mixed in', async () => {
    const caps = { concurrent: 2, perMinute: 10, perHour: 25 };
    const node = await pool(5, { TOKEN_MAX_CONCURRENT: '2', TOKEN_RPM_LIMIT: '10', TOKEN_RPH_LIMIT: '25' });
    const { url, sim, admin } = node;
    const { key } = await admin.member('stormy');
    time = startTimeMachine();
    const leaving = new Map<string, AbortController>();
    sim.behave(({ seq, text }) => {
      // The client leaves at the moment its call is on its way: what it left may run on for a while.
      const leaver = /leaver \d+/.exec(text)?.[0];
      if (leaver !== undefined) {
        leaving.get(leaver)?.abort();
        return { delayMs: 20 };
      }
      if (seq % 6 === 0) return { error: { status: 500, message: 'Encountered an unexpected error.' } };
      if (seq % 7 === 0) return { empty: true };
      if (seq % 11 === 0) return { words: 40, cutAfter: 3 };
      return { delayMs: seq % 10, gapMs: seq % 3 };
    });
    const one = (round: number, i: number): Promise<number> => {
      const name = i % 5 === 3 ? `leaver ${round * 1_000 + i}` : `request ${round} ${i}`;
      const abort = new AbortController();
      leaving.set(name, abort);
      return send(url, key, `${name}.`, { stream: i % 2 === 0, signal: abort.signal })
        .then(async (answer) => [answer.status, await answer.text()] as const)
        .then(
          ([status]) => status,
          () => 499,
        );
    };
    const statuses: number[] = [];
    for (const [round, size] of [500, 150, 150].entries()) {
      statuses.push(...(await Promise.all(Array.from({ length: size }, (_, i) => one(round, i)))));
      expectCapsHeld(node, caps);
      await expectOneEndEach(node);
      time.advance(62_000);
    }
    const { overall } = sim.witness();
    for (const kind of ['completed', 'refused', 'aborted', 'cut'] as const) expect(overall[kind]).toBeGreaterThan(0);
    for (const status of statuses) expect([200, 429, 499, 502]).toContain(status);
    for (const status of [200, 429, 499]) expect(statuses).toContain(status);
    // Second tries were counted like first ones: more calls than requests, and still within the caps.
    expect(overall.requests).toBeGreaterThan(new Set(sim.requests({ limit: 10_000 }).map((record) => record.invocationId)).size);
  });

  const risk = { error: { status: 429, reason: null, message: 'suspicious activity detected; temporary limits apply' } };
  it.each([
    ['minute', { TOKEN_RPM_LIMIT: '10' }, 50, 61],
    ['hour', { TOKEN_RPH_LIMIT: '10' }, 50, 3_601],
    ['rest of every token', {}, 5, 1_800],
  ])('free a full pool at the very second its Retry-After names: the %s', async (what, env, calls, rest) => {
    const { url, sim, admin } = await pool(5, env);
    const { key } = await admin.member('punctual');
    time = startTimeMachine();
    if (what.startsWith('rest')) sim.behave(() => risk);
    await Promise.all(Array.from({ length: 80 }, (_, i) => send(url, key, `${i}`)));
    await until('the pool to be full', async () => ((await send(url, key, 'more')).status === 429 ? true : undefined));
    sim.behave(() => undefined);
    const reached = sim.witness().overall.requests;
    expect(reached).toBeGreaterThanOrEqual(calls);
    time.advance(7_300);
    time.freeze();
    const full = await send(url, key, 'when?');
    expect(await codeOf(full)).toBe('pool_exhausted');
    const seconds = Number(full.headers.get('retry-after'));
    expect(seconds).toBeLessThanOrEqual(rest - 7);
    expect(seconds).toBeGreaterThan(rest - 40);
    time.advance((seconds - 1) * 1_000);
    const early = await send(url, key, 'too early');
    expect(early.status).toBe(429);
    expect(early.headers.get('retry-after')).toBe('1');
    expect(sim.witness().overall.requests).toBe(reached);
    time.advance(1_000);
    expect((await send(url, key, 'now')).status).toBe(200);
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

  it('spread 40 new conversations that come one after the other as evenly', async () => {
    const { url, sim, admin } = await pool(5, {});
    const { key } = await admin.member('steady');
    for (let i = 0; i < 40; i += 1) expect((await send(url, key, `conversation ${i}`)).status).toBe(200);
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
