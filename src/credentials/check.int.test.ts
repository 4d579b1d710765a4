/** What a check of one credential finds and changes, over real commands and a simulated upstream. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CommandService, createCommands } from '../commands/handle.js';
import { donateToken } from '../commands/token/donate.js';
import { resumeToken } from '../commands/token/resume.js';
import { suspendToken } from '../commands/token/suspend.js';
import { readPartition } from '../events/archive.js';
import { CONTROL_PARTITION } from '../events/define.js';
import { createPasswords } from '../infra/passwords.js';
import { type Directory, openDirectory } from '../projections/directory.js';
import { createIds } from '../shared/ids.js';
import { defaultSettings } from '../shared/settings.js';
import { type Upstream, UpstreamFailure } from '../upstreams/define.js';
import { type CheckOutcome, checkToken } from './check.js';
import { Cluster, testVault } from './testing/cluster.js';

const silent = pino({ level: 'silent' });

let at: Cluster;
let commands: CommandService;
let directory: Directory;
/** Replaces parts of the real upstream in the next check. */
let upstreamOver: (real: Upstream) => Partial<Upstream>;
let tokenId: string;
let check: () => Promise<CheckOutcome>;

beforeEach(async () => {
  at = await Cluster.open();
  const { db, clock } = at;
  upstreamOver = () => ({});
  directory = await openDirectory({ db, defaults: defaultSettings, clock, logger: silent });
  commands = createCommands({
    db,
    directory: () => directory,
    clock,
    ids: createIds(clock),
    nodeId: 'n1',
    vault: testVault,
    passwords: createPasswords({ cost: { N: 2, r: 1, p: 1 } }),
    logger: silent,
    defaults: defaultSettings,
  });
  const { refreshToken } = at.sim.addCredential({ kind: 'social', id: 'a', plan: 'pro', creditsLimit: 1_000, creditsUsed: 40 });
  const kiro = at.kiro();
  const credential = kiro.parseCredential({ authType: 'social', refreshToken });
  const gift = { ownerId: null, visibility: 'public' as const, provider: 'kiro', credential };
  tokenId = (await commands.execute(donateToken, gift, { actor: 'admin' })).id;
  const access = await at.node({ upstream: (real) => ({ refresh: (...call) => (upstreamOver(kiro).refresh ?? real.refresh)(...call) }) });
  check = () => {
    const upstreams = new Map([['kiro', { ...kiro, ...upstreamOver(kiro) }]]);
    return checkToken(tokenId, 'admin', { access, commands, directory, upstreams, clock });
  };
});
afterEach(async () => {
  await commands.close();
  await directory.close();
  await at.close();
});

const standing = () => {
  const { status, statusReason } = directory.token(tokenId) ?? {};
  return { status, statusReason };
};
const active = { status: 'active', statusReason: null };
const events = () => readPartition(at.db, CONTROL_PARTITION, 0, 1_000);
const lastCheck = async () => (await events()).filter(({ type }) => type === 'kirogate.token.checked').at(-1);
const suspend = (reason: 'failures' | 'admin' | 'credits') => commands.execute(suspendToken, { tokenId, reason }, { actor: 'system' });
const away = (): Promise<never> => Promise.reject(new UpstreamFailure({ kind: 'network', message: 'connection refused' }));

describe('a check', () => {
  it('of a healthy credential records plan and credits, and spends no completion', async () => {
    expect(await check()).toEqual({ ok: true, failure: null, message: null });
    expect(await lastCheck()).toMatchObject({ actor: 'admin', data: { ok: true, failure: null, creditsUsed: 40, creditsLimit: 1_000 } });
    expect((await lastCheck())?.data).toMatchObject({ plan: expect.stringMatching(/pro/i) as string });
    expect(standing()).toEqual(active);
    expect(at.sim.witness().overall.requests).toBe(0);
  });

  it('of an unknown token is refused', async () => {
    tokenId = 'nobody';
    await expect(check()).rejects.toMatchObject({ code: 'not_found' });
  });

  it('of an account that the upstream locked suspends it, and no later check ends that', async () => {
    at.sim.updateCredential('a', { suspended: true });
    expect(await check()).toMatchObject({ ok: false, failure: 'suspended' });
    expect(standing()).toEqual({ status: 'suspended', statusReason: 'upstream' });
    at.sim.updateCredential('a', { suspended: false });
    expect(await check()).toMatchObject({ ok: true });
    expect(standing()).toEqual({ status: 'suspended', statusReason: 'upstream' });
  });

  it('of a dead credential marks it invalid, once', async () => {
    at.sim.updateCredential('a', { revoked: true });
    expect(await check()).toMatchObject({ ok: false, failure: 'invalid_credential' });
    expect(await check()).toMatchObject({ ok: false, failure: 'invalid_credential' });
    expect(standing()).toMatchObject({ status: 'invalid' });
    expect((await events()).filter(({ type }) => type === 'kirogate.token.invalidated')).toHaveLength(1);
  });

  it('refreshes an access token that is refused before its time, once, and passes', async () => {
    await check();
    at.sim.updateCredential('a', { expireAccessTokens: true });
    expect(await check()).toMatchObject({ ok: true });
    expect(at.refreshes()).toBe(2);
  });

  it('whose access token is refused whatever is done fails, and is not asked for ever', async () => {
    let asked = 0;
    upstreamOver = () => ({
      check() {
        asked += 1;
        return Promise.reject(new UpstreamFailure({ kind: 'auth', message: 'refused', status: 403 }));
      },
    });
    expect(await check()).toMatchObject({ ok: false, failure: 'auth' });
    expect(asked).toBe(2);
    expect(at.refreshes()).toBe(2);
    expect(standing()).toEqual(active);
  });

  it('keeps secrets out of what it records', async () => {
    at.sim.updateCredential('a', { revoked: true });
    await check();
    expect(JSON.stringify(await events())).not.toContain(at.sim.refreshTokenOf('a'));
  });
});

describe('trouble on the way (pitfall 60)', () => {
  it.each<[string, () => Partial<Upstream>]>([
    ['no connection for the refresh', () => ({ refresh: away })],
    ['no connection for the check', () => ({ check: away })],
    ['an error nobody expected', () => ({ check: () => Promise.reject(new TypeError('terminated')) })],
  ])('never makes a token invalid: %s', async (_name, over) => {
    upstreamOver = over;
    for (let i = 0; i < 6; i += 1) expect(await check()).toMatchObject({ ok: false, failure: 'network' });
    expect(standing()).toEqual(active);
    expect(await lastCheck()).toMatchObject({ data: { ok: false, failure: 'network' } });
    upstreamOver = () => ({});
    expect(await check()).toMatchObject({ ok: true });
  });

  it('never makes a token invalid: the real thing, with nobody listening', async () => {
    await check();
    await at.sim.close();
    expect(await check()).toMatchObject({ ok: false, failure: 'network' });
    at.clock.advance(2 * 3_600_000);
    expect(await check()).toMatchObject({ ok: false, failure: 'network' });
    expect(standing()).toEqual(active);
  });
});

describe('a passed check ends', () => {
  it('a suspension for failures', async () => {
    await suspend('failures');
    await check();
    expect(standing()).toEqual(active);
  });

  it('one for credits when there are credits again, and not before', async () => {
    at.sim.updateCredential('a', { creditsUsed: 1_000 });
    await suspend('credits');
    expect(await check()).toMatchObject({ ok: true });
    expect(standing()).toEqual({ status: 'suspended', statusReason: 'credits' });
    at.sim.updateCredential('a', { creditsUsed: 0 });
    await check();
    expect(standing()).toEqual(active);
  });

  it('not one for credits that are out: it moves to the reset that the upstream names', async () => {
    const resetAt = at.clock.now() + 3 * 86_400_000;
    at.sim.updateCredential('a', { creditsUsed: 1_000, resetAt });
    await suspend('credits');
    expect(directory.token(tokenId)?.parkedUntil).not.toBe(resetAt);
    for (let i = 0; i < 2; i += 1) await check();
    expect(directory.token(tokenId)).toMatchObject({ status: 'suspended', statusReason: 'credits', parkedUntil: resetAt });
    expect((await events()).filter(({ type }) => type === 'kirogate.token.suspended')).toHaveLength(2);
  });

  it("no admin's", async () => {
    await suspend('admin');
    expect(await check()).toMatchObject({ ok: true });
    expect(standing()).toEqual({ status: 'suspended', statusReason: 'admin' });
  });
});

describe('a check that took long', () => {
  it('has no say over what an admin did meanwhile', async () => {
    upstreamOver = () => ({
      async check() {
        at.clock.advance(1_000);
        await suspend('admin');
        await commands.execute(resumeToken, { tokenId }, { actor: 'admin' });
        throw new UpstreamFailure({ kind: 'suspended', message: 'locked your account', status: 403 });
      },
    });
    expect(await check()).toMatchObject({ ok: false, failure: 'suspended' });
    expect(standing()).toEqual(active);
  });
});
