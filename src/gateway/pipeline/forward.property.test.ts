/** Whatever upstreams and clients do: every attempt is settled once, every slot is free in the end, and the quota is what was charged. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppError } from '../../errors.js';
import { decodeEvent } from '../../events/index.js';
import { isOutput, type ModelEvent } from '../../upstreams/define.js';
import { each } from '../../upstreams/testing/events.js';
import { type AdmittedAttempt, admit } from './admit.js';
import { asFailure, clientError } from './failures.js';
import { forward } from './forward.js';
import type { Run } from './run.js';
import { type Ending, isCharged, settle } from './settle.js';
import { answers, createKit, fails, type Kit, operator, type Play, refuses, stalls, stop, text, usage } from './testing/kit.js';

const step = fc.oneof(
  fc.constant<Play>(answers(text('a'), text('b'), usage, stop)),
  fc.constantFrom<Play>(answers(stop), answers(), fails('empty'), refuses('client'), refuses('invalid_credential')),
  fc
    .record({
      kind: fc.constantFrom(
        ...([
          'client',
          'model_unsupported',
          'auth',
          'routing',
          'suspended',
          'credits',
          'risk',
          'capacity',
          'transient',
          'network',
          'timeout',
          'protocol',
        ] as const),
      ),
      output: fc.boolean(),
    })
    .map(({ kind, output }): Play => fails(kind, {}, output ? [usage, text('half')] : [])),
);

/** When a client leaves: while it waits for an attempt, after so many events, or never. */
const leaving = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ how: 'stays', after: 0 } as const) },
  { weight: 1, arbitrary: fc.record({ how: fc.constantFrom('aborts', 'breaks'), after: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ how: fc.constant('stalled'), after: fc.integer({ min: 0, max: 2 }) }) },
);

const scenario = fc.record({
  tokens: fc.integer({ min: 1, max: 5 }),
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  tokenMaxConcurrent: fc.integer({ min: 1, max: 3 }),
  daily: fc.integer({ min: 0, max: 8 }),
  requests: fc.array(fc.record({ script: fc.array(step, { minLength: 1, maxLength: 5 }), leaving }), { minLength: 1, maxLength: 8 }),
});
type Request = (typeof scenario extends fc.Arbitrary<infer S> ? S : never)['requests'][number];

interface Seen {
  readonly run: Run;
  readonly charged: boolean;
  /** Upstream calls made for it, and those made after its first output. */
  readonly calls: number;
  readonly callsAfterOutput: number;
}

/** One request as the gateway serves it; undefined: refused. */
async function serve(kit: Kit, request: Request, plays: Map<string, Play>, daily: number): Promise<Seen | undefined> {
  const run = kit.run({ caller: { ...operator, userId: 'member', keyId: 'key', quota: { daily, monthly: 1_000 } } });
  let calls = 0;
  let callsAfterOutput = 0;
  let output = false;
  plays.set(run.requestId, (call, tokenId) => {
    calls += 1;
    if (output) callsAfterOutput += 1;
    const script = request.script[Math.min(calls, request.script.length) - 1] ?? answers();
    if (request.leaving.how !== 'stalled' || calls <= request.leaving.after) return script(call, tokenId);
    queueMicrotask(() => run.abort.abort(new Error('left')));
    return stalls()(call, tokenId);
  });
  const first = await admit(run, { attempt: 1, exclude: [], onlyTokenId: null }, kit.deps);
  if (!first.ok) return undefined;
  const note = (event: ModelEvent): void => {
    if (!isOutput(event)) return;
    output = true;
    run.firstOutputMono ??= 0;
  };
  const ending = await read(kit, run, first, request, note);
  await settle(run, ending, kit.deps);
  return { run, charged: isCharged(ending, run), calls, callsAfterOutput };
}

async function read(kit: Kit, run: Run, first: AdmittedAttempt, request: Request, note: (event: ModelEvent) => void): Promise<Ending> {
  let count = 0;
  try {
    for await (const event of each(forward(run, first, kit.deps))) {
      note(event);
      count += 1;
      if (request.leaving.how === 'aborts' && count === request.leaving.after) run.abort.abort(new Error('left'));
      if (request.leaving.how === 'breaks' && count === request.leaving.after) return { kind: 'left' };
    }
    return { kind: 'completed' };
  } catch (thrown) {
    if (run.abort.signal.aborted) return { kind: 'left' };
    const error: AppError = clientError(asFailure(thrown, run.abort.signal));
    return { kind: 'failed', error };
  }
}

const terminal = ['kirogate.token.used', 'kirogate.request.failed', 'kirogate.request.cancelled'];

describe('any mix of failures, leaving clients, limits and retries', () => {
  it('settles each attempt once, frees every slot, charges what was served, and ends each request in one event', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ tokens, maxAttempts, tokenMaxConcurrent, daily, requests }) => {
        const plays = new Map<string, Play>();
        const kit = await createKit({
          tokens: Array.from({ length: tokens }, (_, i) => `t${i}`),
          maxAttempts,
          settings: { tokenMaxConcurrent },
          play: (call, tokenId) => (plays.get(call.requestId) ?? answers())(call, tokenId),
        });
        const seen = (await Promise.all(requests.map((request) => serve(kit, request, plays, daily)))).filter((one) => one !== undefined);

        for (const { run, calls, callsAfterOutput } of seen) {
          expect(run.attempts.length).toBeLessThanOrEqual(maxAttempts);
          expect(calls).toBeLessThanOrEqual(maxAttempts);
          expect(callsAfterOutput).toBe(0);
        }
        const ids = (list: readonly { attemptId: string }[]): string[] => list.map(({ attemptId }) => attemptId).sort();
        expect(ids(kit.settled)).toEqual(ids(kit.admitted));
        expect(ids(seen.flatMap(({ run }) => run.attempts))).toEqual(ids(kit.admitted));
        expect(await kit.inFlight()).toBe(0);

        const charged = seen.filter((one) => one.charged).length;
        expect(await kit.limits.userUse('member')).toMatchObject({ dayUsed: charged, monthUsed: charged });
        expect(charged).toBeLessThanOrEqual(daily);
        expect(await kit.limits.abandoned()).toEqual([]);

        // Nothing that is written is dropped or refused when it is read.
        for (const { type, dataversion, data } of kit.events) expect(decodeEvent(type, dataversion, data)).toEqual({ outcome: 'ok', data });
        const ends = kit.events.filter(({ type }) => terminal.includes(type));
        expect(ends.map(({ id }) => id).sort()).toEqual(seen.map(({ run }) => run.terminalEventId).sort());
      }),
      { numRuns: 150 },
    );
  });
});
