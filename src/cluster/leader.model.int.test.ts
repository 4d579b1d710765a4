/** Never two leaders, whatever happens to the candidates: random histories over a real Redis, time in the test's hand. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRedis, type RedisConnection } from '../infra/redis/connection.js';
import { startTestRedis, type TestRedis } from '../infra/redis/testing/server.js';
import type { LeaderChange } from './leader.js';
import { Candidate, type Office, openOffice } from './testing/candidate.js';

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

type Step =
  | { readonly do: 'poll' | 'check' | 'thaw' | 'cut' | 'join' | 'restart'; readonly who: number }
  | { readonly do: 'freeze'; readonly who: number; readonly at: 'request' | 'reply' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'forget' };

const who = fc.nat({ max: 2 });
const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('poll' as const, 'check' as const), who }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('thaw' as const, 'cut' as const, 'join' as const, 'restart' as const), who }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('freeze' as const), who, at: fc.constantFrom('request' as const, 'reply' as const) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('pass' as const),
        ms: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 20_000, max: 70_000 })),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const) }) },
  ),
  { minLength: 10, maxLength: 60 },
);

describe('never two leaders', () => {
  it('whoever is frozen, cut off, restarted or forgotten by Redis, and one again when all is well', async () => {
    await fc.assert(
      fc.asyncProperty(steps as fc.Arbitrary<readonly Step[]>, async (history) => {
        const office = await openOffice(redis);
        const { clock } = office;
        const terms: number[] = [];
        const forgets = history.some((step) => step.do === 'forget');
        let count = 0;
        const onChange = ({ to, term }: LeaderChange): void => {
          if (to !== null) terms.push(term);
        };
        const create = (): Candidate => new Candidate(office, `run${count++}`, onChange);
        const all = [create(), create(), create()];
        const at = (index: number): Candidate => all[index] as Candidate;
        for (const one of all) await one.settled();
        const check = (): void => {
          expect(all.filter(({ leader }) => leader.isLeader()).length).toBeLessThanOrEqual(1);
          // A Redis that forgot may have forgotten terms that only a frozen run has seen.
          if (!forgets) expect(terms).toEqual([...new Set(terms)].sort((a, b) => a - b));
        };
        for (const step of history) {
          await play(step, { office, at, all, create });
          check();
        }
        for (const one of all) {
          one.isCut = false;
          await one.thaw();
        }
        for (let i = 0; i < 3; i += 1) {
          clock.advance(61_000);
          for (const one of all) {
            await one.poll();
            check();
          }
        }
        expect(all.filter(({ leader }) => leader.isLeader())).toHaveLength(1);
      }),
      { numRuns: 150 },
    );
  });
});

interface Stage {
  readonly office: Office;
  readonly all: Candidate[];
  readonly at: (index: number) => Candidate;
  readonly create: () => Candidate;
}

async function play(step: Step, { office, all, at, create }: Stage): Promise<void> {
  switch (step.do) {
    case 'pass':
      return office.clock.advance(step.ms);
    case 'poll':
      return at(step.who).poll();
    case 'check':
      // A frozen run asks nothing; what it asked before must not hold up the test.
      if (!at(step.who).isFrozen && at(step.who).freezeAt === null) await at(step.who).leader.check();
      return;
    case 'freeze':
      if (!at(step.who).isFrozen) at(step.who).freezeAt = step.at;
      return at(step.who).poll();
    case 'thaw':
      return at(step.who).thaw();
    case 'cut':
      at(step.who).isCut = true;
      return;
    case 'join':
      at(step.who).isCut = false;
      return;
    case 'restart': {
      // Killed without a word; another run of the node starts.
      all[step.who] = create();
      return at(step.who).settled();
    }
    case 'forget': {
      // Somebody who has seen terms must be there to say so: a Redis that is new to all is a new installation.
      const witness = all.find((one) => !one.isFrozen && !one.isCut && one.freezeAt === null && one.leader.term() === null);
      if (witness === undefined) return;
      await witness.poll();
      if (witness.leader.isLeader()) return;
      await redis.command('DEL', `kirogate:${office.name}:leader`, `kirogate:${office.name}:terms`);
      await witness.poll();
    }
  }
}
