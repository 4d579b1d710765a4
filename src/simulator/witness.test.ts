import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createWitness, type Visit } from './witness.js';

const setup = (keep = 100) => {
  let ms = 0;
  const clock = { now: () => 1_000_000 + ms, monotonic: () => ms };
  return { witness: createWitness({ clock, keep }), pass: (by: number) => (ms += by) };
};
const call = (credential: string | null = 'a') => ({ operation: 'generate' as const, credential, invocationId: null });

describe('the witness', () => {
  it('counts each outcome once, however often the end is reported', () => {
    const { witness } = setup();
    const visit = witness.arrive(call());
    visit.end('aborted', 200);
    visit.end('completed', 200);
    expect(witness.snapshot().credentials.a).toMatchObject({ requests: 1, aborted: 1, completed: 0, inFlight: 0, byStatus: { 200: 1 } });
  });

  it('knows how long an aborted client stayed', () => {
    const { witness, pass } = setup();
    const visit = witness.arrive(call());
    pass(750);
    visit.end('aborted', null);
    expect(witness.requests()[0]).toMatchObject({ outcome: 'aborted', durationMs: 750, status: null });
  });

  it('keeps the highest concurrency, and never loses or invents a running call', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'end'), { maxLength: 100 }), (steps) => {
        const { witness } = setup();
        const open: { id: string; visit: Visit }[] = [];
        let highest = 0;
        for (const step of steps) {
          if (step === 'end') open.shift()?.visit.end('completed', 200);
          else open.push({ id: step, visit: witness.arrive(call(step)) });
          highest = Math.max(highest, open.length);
        }
        const { overall } = witness.snapshot();
        expect(overall.inFlight).toBe(open.length);
        expect(overall.maxConcurrent).toBe(highest);
        expect(overall.requests).toBe(overall.completed + open.length);
      }),
    );
  });

  it('tells an arrival the load it is part of', () => {
    const { witness, pass } = setup();
    witness.arrive(call());
    pass(60_000);
    expect(witness.arrive(call()).load).toEqual({ per60s: 1, per3600s: 2, concurrent: 2 });
  });

  it('counts refreshes and listings apart from completions', () => {
    const { witness } = setup();
    const one = witness.arrive({ ...call(), operation: 'refresh' });
    const two = witness.arrive({ ...call(), operation: 'refresh' });
    one.end('completed', 200);
    two.end('refused', 401);
    witness.arrive({ ...call(), operation: 'listModels' }).end('completed', 200);
    expect(witness.snapshot().overall).toMatchObject({
      requests: 0,
      refreshes: 2,
      refreshesFailed: 1,
      maxConcurrentRefreshes: 2,
      otherCalls: 1,
      maxPer60s: 0,
    });
  });

  it('forgets the oldest requests and shows by the numbers that it did', () => {
    const { witness } = setup(3);
    for (let i = 0; i < 5; i++) witness.arrive(call()).end('completed', 200);
    expect(witness.requests().map((r) => r.seq)).toEqual([3, 4, 5]);
    expect(witness.requests({ after: 4 }).map((r) => r.seq)).toEqual([5]);
    expect(witness.requests({ limit: 1 }).map((r) => r.seq)).toEqual([3]);
  });

  it('keeps running calls over a reset', () => {
    const { witness } = setup();
    const visit = witness.arrive(call());
    witness.reset();
    expect(witness.snapshot().overall).toMatchObject({ requests: 0, inFlight: 1, maxConcurrent: 1 });
    visit.end('completed', 200);
    expect(witness.snapshot().overall).toMatchObject({ inFlight: 0, completed: 1 });
    expect(witness.requests()).toEqual([]);
  });
});
