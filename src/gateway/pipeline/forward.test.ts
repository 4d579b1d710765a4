import { describe, expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import { type FailureKind, type ModelEvent, UpstreamFailure } from '../../upstreams/define.js';
import { forward } from './forward.js';
import { answers, createKit, fails, inTurn, type Kit, modelRequest, operator, stalls, stop, text, usage } from './testing/kit.js';
import { answer, outcomes, play } from './testing/played.js';

describe('forwarding', () => {
  it('hands the reply over as it comes, in one attempt', async () => {
    const played = await play({ play: answers(...answer) });
    expect(played).toMatchObject({ events: answer, failed: null });
    expect(played.kit.calls).toEqual(['a']);
    expect(outcomes(played)).toEqual(['success']);
    expect(played.run.attempts).toMatchObject([{ tokenId: 'a', outcome: 'success', sent: true, status: 200, failure: null }]);
    expect(await played.kit.inFlight()).toBe(0);
  });

  it('keeps the order of what came before the output', async () => {
    const metering: ModelEvent = { type: 'metering', microCredits: 5 };
    expect((await play({ play: answers(usage, metering, ...answer) })).events).toEqual([usage, metering, ...answer]);
  });

  it('counts usage, credits and output for the terminal event', async () => {
    const { run } = await play({
      play: answers(text('four'), { type: 'metering', microCredits: 3 }, { type: 'metering', microCredits: 4 }, usage, stop),
    });
    expect(run).toMatchObject({ outputChars: 4, microCredits: 7, usage: { inputTokens: 10, outputTokens: 2 } });
  });

  it('enforces stop sequences and tells the upstream to end', async () => {
    let ended = false;
    const endless = async function* (): AsyncGenerator<ModelEvent, void, undefined> {
      try {
        for (;;) yield text('go on STOP never');
      } finally {
        ended = true;
      }
    };
    const { events, failed } = await play({ play: endless }, { request: { ...modelRequest, stop: ['STOP'] } });
    expect(failed).toBeNull();
    expect(events).toContainEqual({ type: 'stop', reason: 'stop_sequence', sequence: 'STOP' });
    expect(ended).toBe(true);
  });
});

describe('a failure before the first output', () => {
  const retried: readonly FailureKind[] = [
    'model_unsupported',
    'routing',
    'suspended',
    'invalid_credential',
    'credits',
    'risk',
    'transient',
    'network',
    'timeout',
    'protocol',
  ];
  it.each(retried)('of kind %s is tried on another token', async (kind) => {
    const played = await play({ play: inTurn(fails(kind), answers(...answer)) });
    expect(played).toMatchObject({ failed: null, events: answer });
    expect(played.kit.calls).toEqual(['a', 'b']);
  });

  it.each(['client', 'context_overflow', 'capacity'] as const)('of kind %s is not: another token would not help', async (kind) => {
    const played = await play({ play: fails(kind) });
    expect(played.failed).toBe(kind);
    expect(played.kit.calls).toEqual(['a']);
    expect(played.kit.settled).toHaveLength(1);
  });

  it('is told to the client in the words of the last attempt, when all failed', async () => {
    const played = await play({ play: inTurn(fails('transient'), fails('credits'), fails('timeout'), answers(...answer)) });
    expect(played.failed).toBe('timeout');
    expect(played.kit.calls).toEqual(['a', 'b', 'c']);
  });

  it('is told as it was, when nobody else may serve', async () => {
    expect(await play({ tokens: ['a'], play: fails('transient') })).toMatchObject({ failed: 'transient', kit: { calls: ['a'] } });
  });

  it('runs the command that the failure calls for, before the slot is free', async () => {
    const resetAt = 1_800_000_000_000;
    const played = await play({ play: inTurn(fails('suspended'), fails('credits', { resetAt }), fails('invalid_credential')) });
    expect(played.kit.commands).toMatchObject([
      { name: 'token.suspend', input: { tokenId: 'a', reason: 'upstream', message: 'it is suspended' }, meta: { actor: 'system' } },
      { name: 'token.suspend', input: { tokenId: 'b', reason: 'credits', until: resetAt } },
      { name: 'token.invalidate', input: { tokenId: 'c' } },
    ]);
    for (const { meta } of played.kit.commands) expect(meta.correlationId).toBe(played.run.requestId);
  });

  it('for want of credits has the token looked at, and nothing else does', async () => {
    const checked: string[] = [];
    const over = { checkSoon: (tokenId: string) => void checked.push(tokenId) };
    const played = await play({ play: inTurn(fails('transient'), fails('credits'), answers(...answer)), over });
    expect(played.kit.calls).toEqual(['a', 'b', 'c']);
    expect(checked).toEqual(['b']);
  });

  it('is one event of its token', async () => {
    const { kit, run } = await play({ play: inTurn(fails('transient', { status: 500, reason: 'SAD' }), answers(...answer)) });
    expect(kit.events).toMatchObject([
      {
        type: 'kirogate.token.failed',
        subject: 'token/a',
        correlationid: run.requestId,
        data: { failure: 'transient', status: 500, reason: 'SAD', message: 'it is transient', counts: false },
      },
    ]);
  });

  it('stands though its event cannot be logged', async () => {
    const log = { append: () => Promise.reject(new Error('disk full')) } as unknown as Kit['deps']['log'];
    const played = await play({ play: inTurn(fails('transient'), answers(...answer)), over: { log } });
    expect(played).toMatchObject({ failed: null, events: answer });
  });

  it('stands though its command cannot be run', async () => {
    const commands = { execute: () => Promise.reject(new AppError('storage_unavailable')) };
    const played = await play({ play: inTurn(fails('suspended'), answers(...answer)), over: { commands } });
    expect(played).toMatchObject({ failed: null, events: answer });
    expect(played.kit.settled).toHaveLength(2);
  });
});

describe('a refused access token', () => {
  it('is refreshed once and tried on the same token', async () => {
    const played = await play({ play: inTurn(fails('auth', { status: 403 }), answers(...answer)) });
    expect(played.failed).toBeNull();
    expect(played.kit.calls).toEqual(['a', 'a']);
    expect(played.kit.refused).toEqual(['a access-a']);
    expect(outcomes(played)).toEqual(['neutral', 'success']);
  });

  it('twice is one failure of the token, and the request moves on', async () => {
    const played = await play({ play: inTurn(fails('auth'), fails('auth'), answers(...answer)) });
    expect(played.failed).toBeNull();
    expect(played.kit.calls).toEqual(['a', 'a', 'b']);
    expect(outcomes(played)).toEqual(['neutral', 'token_failure', 'success']);
    expect((await played.kit.limits.tokenUse(['a']))[0]).toMatchObject({ consecutiveFails: 1, cooldownUntil: null });
  });

  it('counts where there is no attempt left to refresh it for', async () => {
    const played = await play({ maxAttempts: 1, play: fails('auth') });
    expect(outcomes(played)).toEqual(['token_failure']);
    expect(played.kit.refused).toEqual(['a access-a']);
  });

  it("of a caller's own token is never tried on the pool", async () => {
    const caller = { ...operator, onlyTokenId: 'b' };
    const played = await play({ play: fails('auth') }, { caller });
    expect(played.failed).toBe('auth');
    expect(played.kit.calls).toEqual(['b', 'b']);
  });
});

describe('the number of attempts', () => {
  it.each([1, 2, 3, 4])('never exceeds %i, whatever is mixed (pitfall 62)', async (maxAttempts) => {
    const plays = [fails('auth'), fails('empty'), fails('auth'), fails('transient'), fails('auth'), fails('empty')];
    for (let shift = 0; shift < plays.length; shift += 1) {
      const script = inTurn(...plays.slice(shift), ...plays.slice(0, shift));
      const { kit } = await play({ tokens: ['a', 'b', 'c', 'd', 'e', 'f'], maxAttempts, play: script });
      expect(kit.calls.length).toBeLessThanOrEqual(maxAttempts);
      expect(kit.settled).toHaveLength(kit.calls.length);
    }
  });

  it('holds also where no attempt comes as far as the upstream', async () => {
    const refused = new UpstreamFailure({ kind: 'invalid_credential', message: 'dead' });
    const { kit, failed } = await play({ tokens: ['a', 'b', 'c', 'd'], play: answers(), access: () => Promise.reject(refused) });
    expect(failed).toBe('invalid_credential');
    expect(kit.calls).toEqual([]);
    expect(kit.settled.map(({ sent }) => sent)).toEqual([false, false, false]);
  });
});

describe('after the first output', () => {
  it.each(['auth', 'transient', 'network', 'empty', 'credits'] as const)('a %s failure is not tried again', async (kind) => {
    const played = await play({ play: fails(kind, {}, [text('half an')]) });
    expect(played).toMatchObject({ failed: kind, events: [text('half an')] });
    expect(played.kit.calls).toEqual(['a']);
    expect(await played.kit.inFlight()).toBe(0);
  });

  it('the upstream counts as working before the reply ends', async () => {
    const kit = await createKit({ tokens: ['a'], play: stalls(text('one')) });
    const served: boolean[] = [];
    const limits = { ...kit.limits, responded: (_id: string, works?: boolean) => void served.push(works ?? false) };
    const run = kit.run();
    const stream = forward(run, await kit.first(run), { ...kit.deps, limits });
    await stream.next();
    expect(served).toEqual([false, true]);
    run.abort.abort(new Error('left'));
    await expect(stream.next()).rejects.toMatchObject({ kind: 'aborted' });
  });
});
