/** One refresh for a whole cluster: nodes over one database, with one Redis as their cache or none. */
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRedisCache } from '../infra/cache/redis.js';
import { sql } from '../infra/database/port.js';
import { engines } from '../infra/database/testing/engines.js';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import type { Access } from './access.js';
import { Cluster, createGate, type NodeOptions, outcomeOf, testVault } from './testing/cluster.js';
import { createVaultStore } from './vaultStore.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
let server: TestRedis;
let redis: RedisConnection;
beforeAll(async () => {
  server = await startTestRedis();
  redis = await openRedis({ url: server.url, name: 'test' });
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

describe.each(engines)('nodes over %s', (engine) => {
  let at: Cluster;
  beforeEach(async () => {
    await redis.command('FLUSHALL');
    at = await Cluster.open(engine);
  });
  afterEach(() => at.close());

  /** Three nodes, each with connections of its own. `lines`: what their caches logged. */
  async function three(connection: Pick<RedisConnection, 'command' | 'isReady'>, options: NodeOptions = {}) {
    const lines: string[] = [];
    const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const node = (): Promise<Access> => at.node({ cache: createRedisCache({ redis: connection, clock: at.clock, logger }), ...options });
    return { nodes: [await node(), await node(), await node()], lines };
  }
  const hundred = async (nodes: readonly Access[]): Promise<Set<string>> => {
    const all = Array.from({ length: 100 }, async (_, i) => (await nodes[i % nodes.length]?.get('a'))?.access.value ?? 'none');
    return new Set(await Promise.all(all));
  };

  it('make one refresh for a hundred requests on an expired token', async () => {
    await at.donate('a', { rotate: true });
    const { nodes, lines } = await three(redis);
    const first = await hundred(nodes);
    expect([first.size, at.refreshes()]).toEqual([1, 1]);
    at.clock.advance(2 * HOUR);
    const second = await hundred(nodes);
    expect([second.size, at.refreshes()]).toEqual([1, 2]);
    expect(second).not.toEqual(first);
    expect(lines).toEqual([]);
  });

  it('make one without Redis too, each with one warning', async () => {
    await at.donate('a', { rotate: true });
    const away = { isReady: () => false, command: () => Promise.reject(new Error('away')) };
    const { nodes, lines } = await three(away);
    expect((await hundred(nodes)).size).toBe(1);
    at.clock.advance(2 * HOUR);
    expect((await hundred(nodes)).size).toBe(1);
    expect(at.refreshes()).toBe(2);
    expect(lines).toHaveLength(3);
  });

  it('leave what they share in Redis sealed', async () => {
    await at.donate('a', { rotate: true });
    const { nodes } = await three(redis);
    const credential = await nodes[0]?.get('a');
    const [key] = (await redis.command('KEYS', '*')) as string[];
    expect(key).toBe('kirogate:cache:auth:a');
    const kept = Buffer.from(String(await redis.command('GET', key ?? '')), 'base64').toString('utf8');
    for (const plain of [credential?.access.value, at.sim.refreshTokenOf('a')]) expect(kept).not.toContain(plain);
    const ttl = Number(await redis.command('PTTL', key ?? ''));
    expect(ttl).toBeGreaterThan(3_590_000);
    expect(ttl).toBeLessThanOrEqual(3_600_000);
  });

  it('go on with a rotation whose node died after it was stored and before it was used', async () => {
    await at.donate('a', { rotate: true });
    const stored = createGate();
    const dying = await at.node({
      store: (real) => ({
        async storeRefreshed(...call) {
          await real.storeRefreshed(...call);
          stored.open();
          return new Promise<boolean>(() => undefined);
        },
      }),
    });
    void dying.get('a');
    await stored.passed;
    const { nodes } = await three(redis);
    expect((await hundred(nodes)).size).toBe(1);
    expect(at.refreshes()).toBe(1);
    at.clock.advance(2 * HOUR);
    await hundred(nodes);
    expect((await at.stored('a'))?.secret['refreshToken']).toBe(at.sim.refreshTokenOf('a'));
    expect(at.refreshes()).toBe(2);
  });

  /** A node that has the answer to its refresh, and stands still before it can store it. */
  async function frozen() {
    const [reached, goesOn] = [createGate(), createGate()];
    const node = await at.node({
      store: (real) => ({
        async storeRefreshed(...call) {
          reached.open();
          await goesOn.passed;
          return real.storeRefreshed(...call);
        },
      }),
    });
    const asked = node.get('a');
    await reached.passed;
    return { asked, thaw: () => goesOn.open() };
  }

  it('do not take a credential for dead whose new refresh token a frozen node holds, and use it when that node goes on', async () => {
    await at.donate('a', { rotate: true });
    const { asked, thaw } = await frozen();
    const { nodes } = await three(redis);
    for (const seconds of [36, 6, 60, 120]) {
      at.clock.advance(seconds * 1_000);
      for (const node of nodes) expect(await outcomeOf(node.get('a'))).toBe('network');
    }
    const tried = at.refreshes();
    thaw();
    const { access } = await asked;
    at.clock.advance(6_000);
    for (const node of nodes) expect((await node.get('a')).access.value).toBe(access.value);
    expect(at.refreshes()).toBe(tried);
    at.clock.advance(2 * HOUR);
    expect((await hundred(nodes)).size).toBe(1);
    expect(at.refreshes()).toBe(tried + 1);
  });

  it('take it for dead when that node has not come back for minutes', async () => {
    await at.donate('a', { rotate: true });
    const { asked, thaw } = await frozen();
    const { nodes } = await three(redis);
    at.clock.advance(36_000);
    expect(await outcomeOf((nodes[0] as Access).get('a'))).toBe('network');
    at.clock.advance(300_000);
    expect(await outcomeOf((nodes[1] as Access).get('a'))).toBe('invalid_credential');
    thaw();
    await asked;
  });

  it('take over the claim of a node that died, all of them together once', async () => {
    await at.donate('a');
    const store = await at.store();
    expect(await store.claim('a', 1)).toBe(true);
    let claims = 0;
    const { nodes } = await three(redis, {
      store: (real) => ({
        claim(...call) {
          claims += 1;
          return real.claim(...call);
        },
      }),
    });
    const values = hundred(nodes);
    await vi.waitFor(() => expect(claims).toBeGreaterThanOrEqual(3));
    expect(at.refreshes()).toBe(0);
    at.clock.advance(36_000);
    expect((await values).size).toBe(1);
    expect(at.refreshes()).toBe(1);
  });

  it('judge claims by the clock of the database, whatever their own clocks say', async () => {
    await at.donate('a');
    const [one, two] = [
      createVaultStore({ db: await at.database.another(), vault: testVault, claimant: 'one' }),
      createVaultStore({ db: await at.database.another(), vault: testVault, claimant: 'two' }),
    ];
    expect(await Promise.all([one.claim('a', 1), two.claim('a', 1)])).toEqual(expect.arrayContaining([true, false]));
    expect(await Promise.all([one.claim('a', 1), two.claim('a', 1)])).toEqual(expect.arrayContaining([true, false]));
    await at.db.query(sql`update vault_credentials set claimed_by = 'dead', claimed_until = claimed_until - 36000`);
    expect(await two.claim('a', 1)).toBe(true);
  });

  it("forget a caller's own token that nobody used for 30 days, some whenever a new one comes", async () => {
    const access = await at.node();
    const bring = async (): Promise<{ id: string; refreshToken: string }> => {
      const { refreshToken } = at.sim.addCredential({ kind: 'social' });
      return { id: await access.external(refreshToken), refreshToken };
    };
    const ids = async (): Promise<string[]> =>
      (await at.db.query<{ token_id: string }>(sql`select token_id from vault_credentials`)).map((row) => row.token_id).sort();
    await at.donate('pooled');
    const used = await bring();
    const unused = [await bring(), await bring()];
    for (let day = 0; day < 31; day += 1) {
      at.clock.advance(DAY);
      await access.external(used.refreshToken);
    }
    expect(await ids()).toHaveLength(4);
    const fresh = await bring();
    expect(await ids()).toEqual([used.id, fresh.id, 'pooled'].sort());
    // Who comes back is kept again.
    expect(await access.external(unused[0]?.refreshToken ?? '')).toBe(unused[0]?.id);
    expect(await ids()).toContain(unused[0]?.id);
  });
});
