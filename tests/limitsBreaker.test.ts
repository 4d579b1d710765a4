/** The breaker as clients and the upstream see it: a shared cause stops calls to the upstream and touches no token (contract §3). */
import { afterEach, describe, expect, it } from 'vitest';
import { type Service, startService } from './support/service.js';
import { startTimeMachine, type TimeMachine } from './support/timeMachine.js';
import { addTokens, ask, codeOf, terminals } from './support/traffic.js';
import { until } from './support/until.js';

let service: Service | undefined;
let time: TimeMachine | undefined;
afterEach(async () => {
  time?.restore();
  time = undefined;
  await service?.stop();
  service = undefined;
});

interface Health {
  id: string;
  status: string;
  consecutiveFails: number;
  cooldownUntil: string | null;
}

const health = async ({ admin }: Service): Promise<Health[]> =>
  (await admin.all<Health>('/admin/api/tokens')).map(({ id, status, consecutiveFails, cooldownUntil }) => ({
    id,
    status,
    consecutiveFails,
    cooldownUntil,
  }));

const calls = ({ sim }: Service): number => sim.witness().overall.requests;

/** `tokens` of one upstream that fails from now on, with time standing still. */
async function failing(tokens: number): Promise<{ node: Service; key: string }> {
  const node = await startService();
  service = node;
  await addTokens(node, tokens);
  const { key } = await node.admin.member('patient');
  expect((await ask(node.url, key, 'while it worked')).status).toBe(200);
  node.sim.behave(() => ({ error: { status: 500, message: 'Encountered an unexpected error.' } }));
  time = startTimeMachine();
  time.freeze();
  return { node, key };
}

/** Sends one by one until the upstream is called no more. */
async function open(node: Service, key: string): Promise<Response> {
  for (let i = 0; i < 30; i += 1) {
    const before = calls(node);
    const answer = await ask(node.url, key, `into the void ${i}`);
    if (calls(node) === before) return answer;
    expect(answer.status).toBe(502);
  }
  throw new Error('the breaker stayed shut');
}

describe.each([
  ['5 tokens', 5],
  ['3 tokens', 3],
  ['a single token, where no more exist', 1],
])('an upstream that fails with %s', (_name, tokens) => {
  it('is left alone after 20 failed attempts in a row: 503 upstream_overloaded with Retry-After, no token touched', async () => {
    const { node, key } = await failing(tokens);
    const before = await health(node);
    const reached = calls(node);
    const refused = await open(node, key);
    expect(calls(node) - reached).toBe(20);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await codeOf(refused)).toBe('upstream_overloaded');
    const more = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(node.url, key, `anyone ${i}`)));
    expect(more.every((answer) => answer.status === 503 && answer.headers.get('retry-after') === '5')).toBe(true);
    expect(calls(node) - reached).toBe(20);
    expect(await health(node)).toEqual(before);
  });

  it('gets one single probe every 5 seconds, and everything again after the first that succeeds', async () => {
    const { node, key } = await failing(tokens);
    const before = await health(node);
    await open(node, key);
    for (let probes = 0; probes < 3; probes += 1) {
      const reached = calls(node);
      time?.advance(4_999);
      expect((await ask(node.url, key, `too early ${probes}`)).status).toBe(503);
      expect(calls(node)).toBe(reached);
      time?.advance(1);
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(node.url, key, `probe ${probes} ${i}`)));
      expect(calls(node)).toBe(reached + 1);
      expect(answers.map(({ status }) => status).sort()).toEqual([502, ...Array.from({ length: 19 }, () => 503)].sort());
    }
    node.sim.behave(() => ({ hold: true }));
    time?.advance(5_000);
    const reached = calls(node);
    const probe = ask(node.url, key, 'the probe that succeeds');
    await until('the probe', () => (node.sim.held() === 1 ? true : undefined));
    expect((await ask(node.url, key, 'while the probe runs')).status).toBe(503);
    node.sim.behave(() => undefined);
    node.sim.release();
    expect((await probe).status).toBe(200);
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(node.url, key, `all goes on ${i}`)));
    expect(all.every(({ status }) => status === 200)).toBe(true);
    expect(calls(node)).toBe(reached + 21);
    expect(await health(node)).toEqual(before);
    await terminals(node, 20);
    for (const type of ['token.cooled-down', 'token.suspended']) {
      expect(await node.admin.all(`/admin/api/events?types=kirogate.${type}`)).toEqual([]);
    }
  });
});
