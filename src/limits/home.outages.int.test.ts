/** Homes that are lost in every order, and builders that die at every step: quotas admit exactly N, caps hold as the upstream sees them. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/support/until.js';
import { poolToken, roomy } from './testing/fixtures.js';
import { createWitness, type HomeCluster, type HomeNode, startHomeCluster, type Witness } from './testing/homeNodes.js';

let cluster: HomeCluster | undefined;
afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

const DAILY = 15;
const RPM = 9;
const quota = { daily: DAILY, monthly: 100 };
const isOpen = (nodes: readonly HomeNode[]) =>
  until('the limits', () => nodes.every(({ limits }) => limits.state().open) || undefined, 30_000);

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('serve' as const), node: fc.nat({ max: 1 }), charged: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('burst' as const), node: fc.nat({ max: 1 }), charged: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('kill' as const, 'restart' as const, 'archive' as const, 'open' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('cut' as const, 'mend' as const), node: fc.nat({ max: 1 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function play(on: HomeCluster, nodes: readonly HomeNode[], witness: Witness, steps: readonly Step[]): Promise<void> {
  let isUp = true;
  let id = 0;
  const running: Promise<string>[] = [];
  for (const next of steps) {
    const node = nodes['node' in next ? next.node : 0] as HomeNode;
    if (next.op === 'serve' || next.op === 'burst') {
      const calls = Array.from({ length: next.op === 'serve' ? 1 : 4 }, () => {
        id += 1;
        return witness.serve(node, `${id}`, { quota }, { charged: next.charged });
      });
      if (next.op === 'serve') await Promise.all(calls);
      else running.push(...calls);
    } else if (next.op === 'kill' && isUp) {
      isUp = false;
      await on.server.kill();
    } else if (next.op === 'restart' && !isUp) {
      isUp = true;
      await on.server.restart();
    } else if (next.op === 'archive') on.archive.settle();
    else if (next.op === 'cut' || next.op === 'mend') node.cut(next.op === 'cut');
    else if (next.op === 'open') {
      for (const one of nodes) one.cut(false);
      await isOpen(nodes);
    }
  }
  for (const one of nodes) one.cut(false);
  if (!isUp) await on.server.restart();
  await Promise.all(running);
  await isOpen(nodes);
}

describe('outages in any order', () => {
  it('admit exactly N of a quota of N, and break no cap', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 14 }), async (steps) => {
        const on = await startHomeCluster();
        try {
          on.pool.settings = { ...roomy, tokenMaxConcurrent: 1, tokenRpmLimit: RPM };
          const nodes = [await on.node('a'), await on.node('b')];
          const witness = createWitness(on.archive);
          await isOpen(nodes);
          await play(on, nodes, witness, steps);
          for (let i = 0; i < 80 && on.archive.charged('user') < DAILY + 1; i += 1) {
            const code = await witness.serve(nodes[i % 2] as HomeNode, `end${i}`, { quota });
            if (code === 'quota_exceeded') break;
            // Every token has had its minute's sends.
            if (code === 'pool_exhausted') on.pool.tokens.push(poolToken(`more${i}`));
            if (code === 'pool_exhausted') await nodes[0]?.limits.putTokens([poolToken(`more${i}`)]);
          }
          expect(on.archive.charged('user')).toBe(DAILY);
          for (const { id } of on.pool.tokens) {
            expect(witness.mostInFlight(id)).toBeLessThanOrEqual(1);
            expect(witness.sends(id)).toBeLessThanOrEqual(RPM);
          }
        } finally {
          await on.close();
        }
      }),
      { numRuns: 4, endOnFailure: true },
    );
  }, 240_000);
});

describe('a node that dies while it fills the next home', () => {
  const steps = ['archivedIds', 'readRestore', 'poolState'] as const;
  const outages = ['lost', 'emptied'] as const;
  it.each(steps.flatMap((dies) => outages.map((outage) => ({ dies, outage }))))(
    'at $dies, Redis $outage, is stood in for by another',
    async ({ dies, outage }) => {
      const on = await startHomeCluster();
      cluster = on;
      let isDeadly = false;
      let died = false;
      const a: HomeNode = await on.node('a', {
        archivedIds: (db, ids) => deadly('archivedIds', on.archive.archivedIds(db, ids)),
        readRestore: (db, now) => deadly('readRestore', on.archive.readRestore(db, now)),
        poolState() {
          if (dies === 'poolState' && isDeadly) void die();
          return on.pool;
        },
      });
      const die = (): Promise<void> => {
        died = true;
        return a.die();
      };
      const deadly = async <T>(at: string, work: Promise<T>): Promise<T> => {
        if (at === dies && isDeadly) void die();
        return work;
      };
      const b = await on.node('b');
      const witness = createWitness(on.archive);
      await isOpen([a, b]);
      for (let i = 0; i < 3; i += 1) await witness.serve(b, `${i}`, { quota });
      on.archive.settle();
      for (let i = 3; i < 5; i += 1) await witness.serve(b, `${i}`, { quota });
      isDeadly = true;
      const { term } = b.limits.state();
      await on.server.kill();
      if (outage === 'emptied') await on.server.restart();
      await until('the next home', () => (b.limits.state().term > term && b.limits.state().open && died) || undefined, 30_000);
      expect(await b.limits.userUse('user')).toMatchObject({ dayUsed: 5 });
    },
  );
});
