import { describe, expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import { DatabaseError } from '../../infra/database/errors.js';
import type { FailureKind, ModelEvent } from '../../upstreams/define.js';
import { UpstreamFailure } from '../../upstreams/define.js';
import { forward } from './forward.js';
import type { Run } from './run.js';
import {
  answers,
  createKit,
  credentialOf,
  fails,
  inTurn,
  type Kit,
  type KitOptions,
  modelRequest,
  operator,
  refuses,
  stalls,
  stop,
  text,
  usage,
} from './testing/kit.js';

interface Played {
  readonly kit: Kit;
  readonly run: Run;
  readonly events: readonly ModelEvent[];
  /** What it failed with: the failure's kind or the error's code; null: it served. */
  readonly failed: string | null;
}

/** Forwards one request to its end. */
async function play(options: KitOptions, over: Partial<Run> = {}): Promise<Played> {
  const kit = await createKit(options);
  const run = kit.run(over);
  const events: ModelEvent[] = [];
  const failed = await collect(kit, run, events);
  return { kit, run, events, failed };
}

async function collect(kit: Kit, run: Run, events: ModelEvent[]): Promise<string | null> {
  try {
    for await (const event of forward(run, await kit.first(run), kit.deps)) events.push(event);
    return null;
  } catch (error) {
    if (error instanceof UpstreamFailure) return error.kind;
    return error instanceof AppError ? error.code : String(error);
  }
}

const outcomes = ({ kit }: Played): string[] => kit.settled.map(({ outcome }) => outcome);
const answer = [text('hi'), usage, stop];

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

describe('a consumer that leaves', () => {
  it('in the middle of the reply ends the upstream call and settles the attempt', async () => {
    let ended = false;
    const kit = await createKit({
      play: async function* (call) {
        call.onHeaders();
        try {
          for (;;) yield text('more');
        } finally {
          ended = true;
        }
      },
    });
    const run = kit.run();
    for await (const _event of forward(run, await kit.first(run), kit.deps)) break;
    expect(ended).toBe(true);
    expect(kit.settled).toMatchObject([{ outcome: 'neutral', sent: true }]);
    expect(run.attempts).toMatchObject([{ outcome: 'aborted', failure: 'aborted' }]);
    expect(await kit.inFlight()).toBe(0);
    expect(kit.events).toEqual([]);
  });

  it('while the upstream is silent aborts the call, and no other token is tried', async () => {
    const kit = await createKit({ play: stalls() });
    const run = kit.run();
    const events: ModelEvent[] = [];
    const failed = collect(kit, run, events);
    while (kit.calls.length === 0) await new Promise(setImmediate);
    run.abort.abort(new Error('left'));
    expect(await failed).toBe('aborted');
    expect(kit.calls).toEqual(['a']);
    expect(kit.settled).toMatchObject([{ outcome: 'neutral', sent: true }]);
    expect(await kit.inFlight()).toBe(0);
  });

  it('ends a reply that the upstream goes on with all the same', async () => {
    const kit = await createKit({ play: answers(text('a'), text('b'), text('c'), stop) });
    const run = kit.run();
    const stream = forward(run, await kit.first(run), kit.deps);
    await stream.next();
    run.abort.abort(new Error('left'));
    await expect(stream.next()).rejects.toMatchObject({ kind: 'aborted' });
    expect(kit.settled).toMatchObject([{ outcome: 'neutral' }]);
  });

  it('before anything was sent costs the token nothing', async () => {
    const kit = await createKit({ play: answers(...answer), access: async (_id, signal) => Promise.reject(signal?.reason) });
    const run = kit.run();
    const first = await kit.first(run);
    run.abort.abort(new Error('left'));
    await expect(forward(run, first, kit.deps).next()).rejects.toMatchObject({ kind: 'aborted' });
    expect(kit.settled).toMatchObject([{ outcome: 'neutral', sent: false }]);
    expect((await kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 0, concurrency: 0 });
  });
});

describe('an empty reply (pitfall 64)', () => {
  const ways = [
    ['thrown by the adapter', fails('empty', { status: 200 })],
    ['without output', answers(stop)],
    ['without anything', answers()],
    ['with nothing but usage', answers(usage, stop)],
  ] as const;
  it.each(ways)('%s is tried once more on the same token, and may be better then', async (_name, empty) => {
    const played = await play({ play: inTurn(empty, answers(...answer)) });
    expect(played).toMatchObject({ failed: null, events: answer });
    expect(played.kit.calls).toEqual(['a', 'a']);
  });

  it.each(ways)('%s, twice, is handed over as it is, with its usage', async (_name, empty) => {
    const played = await play({ maxAttempts: 5, play: empty });
    expect(played.failed).toBeNull();
    expect(played.kit.calls).toEqual(['a', 'a']);
    expect(played.events.filter(({ type }) => type === 'stop')).toEqual([stop]);
    expect(played.events.every(({ type }) => type === 'stop' || type === 'usage')).toBe(true);
    expect(outcomes(played)).toEqual(['neutral', 'success']);
  });

  it('is not tried more than once in a request, whatever comes between', async () => {
    const played = await play({ maxAttempts: 5, play: inTurn(fails('empty'), fails('transient'), fails('empty'), answers(...answer)) });
    expect(played.failed).toBeNull();
    expect(played.kit.calls).toHaveLength(3);
    expect(played.events).toEqual([stop]);
  });

  it.each(['refusal', 'max_tokens', 'context_window'] as const)('that says why (%s) is the answer, not asked again', async (reason) => {
    const end: ModelEvent = { type: 'stop', reason, sequence: null };
    const played = await play({ play: answers(usage, end) });
    expect(played).toMatchObject({ failed: null, events: [usage, end], kit: { calls: ['a'] } });
  });

  it('cut by a stop sequence at its very start is the answer too', async () => {
    const played = await play({ play: answers(text('END of it'), stop) }, { request: { ...modelRequest, stop: ['END'] } });
    expect(played.kit.calls).toEqual(['a']);
    expect(played.events.at(-1)).toEqual({ type: 'stop', reason: 'stop_sequence', sequence: 'END' });
  });
});

describe('trouble of our own', () => {
  it.each<[string, KitOptions['access'], string]>([
    ['the vault does not answer', () => Promise.reject(new AppError('storage_unavailable')), 'network'],
    ['the store breaks unexpectedly', () => Promise.reject(new DatabaseError('statement', 'no such table')), 'network'],
  ])('%s: it counts against nobody and is not tried on other tokens', async (_name, access, kind) => {
    const played = await play({ play: answers(...answer), ...(access && { access }) });
    expect(played.failed).toBe(kind);
    expect(played.kit.settled).toMatchObject([{ outcome: 'neutral', sent: false }]);
    expect((await played.kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 0, consecutiveFails: 0 });
  });

  it('an attempt that cannot be recorded is not made, and the first one is settled', async () => {
    let begun = 0;
    const openRecords = {
      begin: () => (begun++ === 0 ? Promise.resolve() : Promise.reject(new Error('disk full'))),
      end: async () => undefined,
      abandoned: () => [],
      close: async () => undefined,
    };
    const played = await play({ play: fails('transient'), openRecords });
    expect(played.failed).toBe('storage_unavailable');
    expect(played.kit.calls).toEqual(['a']);
    expect(await played.kit.inFlight()).toBe(0);
  });
});

describe('what an adapter refuses by itself', () => {
  it('was not sent: the token keeps its window', async () => {
    const played = await play({
      play: refuses('client', { message: 'remote images are not fetched', param: 'messages[0]' }),
    });
    expect(played.failed).toBe('client');
    expect(played.kit.settled).toMatchObject([{ outcome: 'neutral', sent: false }]);
    expect(played.run.attempts).toMatchObject([{ sent: false, respondedAt: null }]);
    expect((await played.kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 0, rph: 0 });
  });

  it('is told from what the upstream refused', async () => {
    const played = await play({ play: fails('client', { status: 400 }) });
    expect(played.kit.settled).toMatchObject([{ sent: true }]);
    expect((await played.kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 1 });
  });
});

describe('a token of a provider that nobody speaks for', () => {
  it('is passed over', async () => {
    const played = await play({ play: answers(...answer), over: { upstreams: new Map() } });
    expect(played.failed).toBe('routing');
    expect(played.kit.settled.every(({ sent }) => !sent)).toBe(true);
  });
});

describe('a directory that is behind', () => {
  it('catches up to what the limits know before anything is sent', async () => {
    const order: string[] = [];
    const kit = await createKit({
      play: answers(...answer),
      access: async (id) => {
        order.push('access');
        return credentialOf(id);
      },
    });
    const directory = {
      ...kit.directory,
      position: () => 1,
      catchUp: async (position?: number) => void order.push(`caught up to ${position}`),
    };
    const run = kit.run();
    const first = { ...(await kit.first(run)), position: 7 };
    for await (const _event of forward(run, first, { ...kit.deps, directory }));
    expect(order).toEqual(['caught up to 7', 'access']);
  });
});
