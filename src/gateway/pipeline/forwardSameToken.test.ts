/** A failure whose adapter knows a better way: the same token again, by a new admission, counted like every other try (spec R12). */
import { describe, expect, it } from 'vitest';
import { poolToken } from '../../limits/testing/fixtures.js';
import type { GenerateCall } from '../../upstreams/define.js';
import { meaningOf } from './failures.js';
import { answers, createKit, fails, inTurn, operator, type Play } from './testing/kit.js';
import { answer, collect, outcomes, play } from './testing/played.js';

const again = { retry: 'same_token' } as const;
const kinds = ['client', 'routing', 'auth'] as const;

describe('a failure that is to be sent in another way', () => {
  it.each(kinds)('of kind %s goes to the same token, without blame, in an attempt that is counted', async (kind) => {
    const played = await play({ play: inTurn(fails(kind, { ...again, status: 400 }), answers(...answer)) });
    expect(played).toMatchObject({ failed: null, events: answer });
    expect(played.kit.calls).toEqual(['a', 'a']);
    expect(outcomes(played)).toEqual(['neutral', 'success']);
    expect(played.run.attempts).toMatchObject([
      { tokenId: 'a', sent: true, outcome: 'failed', failure: kind },
      { tokenId: 'a', sent: true, outcome: 'success' },
    ]);
    expect(played.kit.admitted.map(({ attemptId }) => attemptId)).toEqual(played.run.attempts.map(({ attemptId }) => attemptId));
    expect((await played.kit.limits.tokenUse(['a']))[0]).toMatchObject({ rpm: 2, rph: 2, consecutiveFails: 0 });
  });

  it('hands the lessons of one attempt to the next, and to no other request', async () => {
    const seen: string[][] = [];
    const learning: Play = async function* (call: GenerateCall, tokenId) {
      seen.push([...call.lessons]);
      call.lessons.add(`attempt ${call.attempt}`);
      yield* (call.attempt === 1 ? fails('routing', again) : answers(...answer))(call, tokenId);
    };
    const kit = await createKit({ play: learning });
    for (let i = 0; i < 2; i += 1) expect(await collect(kit, kit.run(), [])).toBeNull();
    expect(seen).toEqual([[], ['attempt 1'], [], ['attempt 1']]);
  });

  it.each([1, 2, 3])('is never sent more than %i times, and is told as the upstream said it in the end', async (maxAttempts) => {
    const played = await play({ maxAttempts, play: fails('client', again) });
    expect(played.failed).toBe('client');
    expect(played.kit.calls).toEqual(Array.from({ length: maxAttempts }, () => 'a'));
    expect(new Set(outcomes(played))).toEqual(new Set(['neutral']));
  });

  it('keeps its refresh and its move to another token: neither way of trying takes from the other', async () => {
    const script = inTurn(fails('routing', again), fails('auth'), fails('auth'), answers(...answer));
    const played = await play({ maxAttempts: 4, play: script });
    expect(played.failed).toBeNull();
    expect(played.kit.calls).toEqual(['a', 'a', 'a', 'b']);
    expect(outcomes(played)).toEqual(['neutral', 'neutral', 'token_failure', 'success']);
  });

  it.each([
    ['the minute is full', { tokenRpmLimit: 1 }, undefined],
    ['the hour is full', { tokenRphLimit: 1 }, undefined],
    ['the day is full', {}, 1],
  ])('is not sent where %s: what is the request’s stands, what is the token’s moves on', async (_when, settings, dailyCap) => {
    for (const [kind, calls, failed] of [
      ['client', ['a'], 'client'],
      ['routing', ['a', 'b'], null],
    ] as const) {
      const kit = await createKit({ settings, tokens: ['a', 'b'], play: inTurn(fails(kind, again), answers(...answer)) });
      if (dailyCap !== undefined) await kit.limits.putTokens([poolToken('a', { dailyCap, position: 2 })]);
      expect(await collect(kit, kit.run(), [])).toBe(failed);
      expect(kit.calls).toEqual(calls);
      expect(kit.settled).toHaveLength(calls.length);
    }
  });

  it("of a caller's own token stays with it", async () => {
    const played = await play({ play: fails('routing', again) }, { caller: { ...operator, onlyTokenId: 'b' } });
    expect(played.failed).toBe('routing');
    expect(played.kit.calls).toEqual(['b', 'b', 'b']);
  });

  it('waits its pace before it is admitted', async () => {
    let paced = 0;
    const over = {
      random: () => {
        paced += 1;
        return 0;
      },
    };
    await play({ over, play: inTurn(fails('client', again), answers(...answer)) });
    expect(paced).toBe(1);
  });

  it('means another try only where the adapter says so', () => {
    expect(meaningOf({ kind: 'client', cause: undefined, retry: 'same_token' })).toEqual({ outcome: 'neutral', retry: true });
    expect(meaningOf({ kind: 'client', cause: undefined, retry: undefined })).toEqual({ outcome: 'neutral', retry: false });
  });
});
