/** The health checker of a running node, seen through events, the pool and notifications (spec R6, R12). */
import { afterEach, describe, expect, it } from 'vitest';
import { memberPanel } from './support/memberPanel.js';
import { type Service, startService } from './support/service.js';
import { startTimeMachine, type TimeMachine } from './support/timeMachine.js';
import { addTokens, ask, type GivenToken } from './support/traffic.js';
import { until } from './support/until.js';

let service: Service | undefined;
let time: TimeMachine | undefined;
afterEach(async () => {
  time?.restore();
  time = undefined;
  await service?.stop();
  service = undefined;
});

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

interface Item {
  type: string;
  actor: string;
  data: Record<string, unknown>;
}
interface Standing {
  status: string;
  statusReason: string | null;
  consecutiveFails: number;
}

/** Its events of one type, oldest first. */
const eventsOf = ({ admin }: Service, token: GivenToken, type: string): Promise<Item[]> =>
  admin.all<Item>(`/admin/api/events?types=kirogate.token.${type}&subject=token/${token.id}`);

async function standingOf({ admin }: Service, token: GivenToken): Promise<Standing | undefined> {
  const found = (await admin.all<Standing & { id: string }>('/admin/api/tokens')).find(({ id }) => id === token.id);
  return found && { status: found.status, statusReason: found.statusReason, consecutiveFails: found.consecutiveFails };
}
const active = { status: 'active', statusReason: null, consecutiveFails: 0 };

/** One round of checks a day; the first comes within half a minute of joining. */
async function checkedDaily(): Promise<Service> {
  time = startTimeMachine();
  service = await startService({ env: { TOKEN_HEALTH_CHECK_INTERVAL: '86400' } });
  return service;
}

/** Goes ahead by `ms` and waits until these tokens have one more check than before. */
async function nextRound(node: Service, tokens: readonly GivenToken[], ms: number): Promise<void> {
  const count = async (): Promise<number[]> => Promise.all(tokens.map(async (token) => (await eventsOf(node, token, 'checked')).length));
  const before = await count();
  time?.advance(ms);
  await until('a round of checks', async () => ((await count()).every((n, i) => n > (before[i] ?? 0)) ? true : undefined), 40_000);
}

describe('the health checker of a running node', () => {
  it('heals a suspension for failures with a check that passes, and leaves one by the upstream to an admin', async () => {
    const node = await checkedDaily();
    const { url, sim } = node;
    const member = await memberPanel(node, 'donor');
    const [good] = await addTokens(node, 1);
    const [faulty, locked] = await addTokens(node, 2, { userId: member.userId, visibility: 'private' });
    if (!good || !faulty || !locked) throw new Error('three tokens were asked for');
    await nextRound(node, [good, faulty, locked], MINUTE);
    expect(sim.witness().overall.requests).toBe(0);

    // A member's own tokens come first: one is locked by the upstream, the other fails while the pool's works.
    sim.updateCredential(locked.credential, { suspended: true });
    sim.behave(({ credential }) => (credential === faulty.credential ? { error: { status: 500, message: 'broken' } } : undefined));
    for (const pause of [0, 0, 6, 31, 31]) {
      time?.advance(pause * MINUTE);
      expect((await ask(url, member.key, `after ${pause} minutes`)).status).toBe(200);
    }
    await until('both suspensions', async () =>
      (await standingOf(node, faulty))?.statusReason === 'failures' && (await standingOf(node, locked))?.statusReason === 'upstream'
        ? true
        : undefined,
    );
    expect(sim.witness().credentials[faulty.credential]?.requests).toBe(5);
    const told = async (): Promise<string[]> =>
      (await member.get<{ items: { type: string; tokenId: string }[] }>('/user/api/notifications')).items
        .filter(({ type }) => type === 'token_suspended')
        .map(({ tokenId }) => tokenId);
    expect((await told()).sort()).toEqual([faulty.id, locked.id].sort());

    sim.updateCredential(locked.credential, { suspended: false });
    sim.behave(() => undefined);
    await nextRound(node, [faulty], DAY + MINUTE);
    await until('the token to be back', async () => ((await standingOf(node, faulty))?.status === 'active' ? true : undefined));
    expect(await standingOf(node, faulty)).toEqual(active);
    expect((await eventsOf(node, faulty, 'checked')).at(-1)).toMatchObject({ actor: 'system', data: { ok: true, failure: null } });
    expect(await eventsOf(node, faulty, 'resumed')).toMatchObject([{ actor: 'system', data: { cause: 'check' } }]);
    expect((await ask(url, member.key, 'served by my own again')).status).toBe(200);
    expect(sim.witness().credentials[faulty.credential]?.requests).toBe(6);

    // Not even looked at: what the upstream locked is not asked again, and a check by hand passes without ending it.
    expect(await eventsOf(node, locked, 'checked')).toHaveLength(1);
    expect(await node.admin.post(`/admin/api/tokens/${locked.id}/check`)).toMatchObject({ ok: true });
    expect(await standingOf(node, locked)).toMatchObject({ status: 'suspended', statusReason: 'upstream' });
    expect(await eventsOf(node, locked, 'resumed')).toEqual([]);
    await node.admin.post(`/admin/api/tokens/${locked.id}/resume`);
    expect(await standingOf(node, locked)).toEqual(active);
  });

  it('harms no token when the upstream cannot be reached', async () => {
    const node = await checkedDaily();
    const member = await memberPanel(node, 'donor');
    const tokens = await addTokens(node, 2, { userId: member.userId });
    await nextRound(node, tokens, MINUTE);
    await node.sim.close();
    await nextRound(node, tokens, DAY + MINUTE);
    for (const token of tokens) {
      expect((await eventsOf(node, token, 'checked')).at(-1)).toMatchObject({ data: { ok: false, failure: 'network' } });
      expect(await standingOf(node, token)).toEqual(active);
      for (const type of ['suspended', 'invalidated', 'cooled-down']) expect(await eventsOf(node, token, type)).toEqual([]);
    }
    await member.signIn();
    expect(await member.get('/user/api/notifications')).toMatchObject({ items: [] });
  });
});
