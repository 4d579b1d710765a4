import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { given, NOW } from '../decider.testkit.js';
import type { UserState } from '../user/state.js';
import { changeTokenLimits } from './changeLimits.js';
import { changeTokenVisibility } from './changeVisibility.js';
import { donateToken } from './donate.js';
import { invalidateToken } from './invalidate.js';
import { pauseTokens } from './pauseMany.js';
import { recordTokenCheck } from './recordCheck.js';
import { removeToken } from './remove.js';
import { resumeToken } from './resume.js';
import type { TokenState } from './state.js';
import { suspendToken } from './suspend.js';

const ada: UserState = { id: 'ada', status: 'active', sessionVersion: 1, quotaDaily: null, quotaMonthly: null };
const token = (over: Partial<TokenState> = {}): TokenState => ({
  id: 't1',
  ownerId: 'ada',
  visibility: 'public',
  provider: 'kiro',
  name: null,
  dailyCap: null,
  allowedModels: null,
  status: 'active',
  reason: null,
  until: null,
  statusAt: 1_000,
  ...over,
});
const suspended = (reason: NonNullable<TokenState['reason']>, until: number | null = null): TokenState =>
  token({ status: 'suspended', reason, until });
const nobody = given<TokenState | undefined>(undefined);

describe('donating', () => {
  const credential = {
    authType: 'social',
    secret: { refreshToken: 'very-secret-refresh' },
    fingerprint: 'f'.repeat(64),
    region: 'us-east-1',
  };
  const gift = { ownerId: 'ada', visibility: 'public' as const, provider: 'kiro', credential };
  const pool = (over: { owner?: UserState | undefined; owned?: number; known?: boolean } = {}) =>
    given({ owner: ada as UserState | undefined, owned: 0, known: false, ...over });

  test('adds a token; its secret and fingerprint are in no event', () => {
    const { events, result } = pool().when(donateToken, { ...gift, name: ' mine ' }, 'user/ada');
    expect(events).toEqual([
      {
        type: 'token.donated',
        subject: `token/${result.id}`,
        data: {
          name: 'mine',
          dailyCap: null,
          allowedModels: null,
          ownerId: 'ada',
          visibility: 'public',
          provider: 'kiro',
          authType: 'social',
          region: 'us-east-1',
        },
      },
    ]);
    expect(JSON.stringify(events)).not.toMatch(/very-secret|ffff/);
  });

  test('a credential joins once', () => {
    expect(pool({ known: true }).refuses(donateToken, gift)).toBe('conflict');
  });

  test('members donate as themselves, within a bound; admins for anybody who exists', () => {
    expect(pool().refuses(donateToken, gift, 'user/eve')).toBe('forbidden');
    expect(pool().refuses(donateToken, { ...gift, ownerId: null }, 'user/ada')).toBe('forbidden');
    expect(pool({ owned: 500 }).refuses(donateToken, gift, 'user/ada')).toBe('conflict');
    expect(pool({ owned: 500 }).refuses(donateToken, gift, 'admin')).toBe('accepted');
    expect(pool({ owner: undefined }).refuses(donateToken, gift)).toBe('not_found userId');
  });

  test('a private token without an owner would serve nobody', () => {
    expect(pool({ owner: undefined }).refuses(donateToken, { ...gift, ownerId: null, visibility: 'private' })).toBe(
      'invalid_request userId',
    );
  });
});

describe('suspending', () => {
  test('says why, and what was before', () => {
    const { events, result } = given(token()).when(suspendToken, { tokenId: 't1', reason: 'failures', message: 'five in a row' }, 'system');
    expect(result).toEqual({ changed: true });
    expect(events).toEqual([
      {
        type: 'token.suspended',
        subject: 'token/t1',
        data: { reason: 'failures', until: null, message: 'five in a row', previous: { status: 'active', reason: null, until: null } },
      },
    ]);
  });

  test('out of credits ends at the reset, or with the UTC month', () => {
    const until = (input: { until?: number }): unknown =>
      given(token())
        .when(suspendToken, { tokenId: 't1', reason: 'credits', ...input }, 'system')
        .events.map(({ data }) => (data as { until: number }).until)[0];
    expect(until({ until: NOW + 5 })).toBe(NOW + 5);
    expect(until({})).toBe(Date.UTC(2026, 11, 1));
  });

  test('a reason that only an admin ends is never replaced by a weaker one', () => {
    expect(given(suspended('admin')).when(suspendToken, { tokenId: 't1', reason: 'upstream' }, 'system').events).toEqual([]);
    expect(given(suspended('upstream')).when(suspendToken, { tokenId: 't1', reason: 'failures' }, 'system').events).toEqual([]);
    expect(given(suspended('failures')).when(suspendToken, { tokenId: 't1', reason: 'upstream' }, 'system').events).toHaveLength(1);
    expect(given(suspended('credits', 5)).when(suspendToken, { tokenId: 't1', reason: 'admin' }).events).toHaveLength(1);
  });

  test('twice is once; a later reset of the credits counts', () => {
    expect(given(suspended('admin')).when(suspendToken, { tokenId: 't1', reason: 'admin' })).toEqual({
      events: [],
      result: { changed: false },
    });
    expect(given(suspended('credits', 5)).when(suspendToken, { tokenId: 't1', reason: 'credits', until: 9 }, 'system').events).toHaveLength(
      1,
    );
    expect(given(suspended('credits', 9)).when(suspendToken, { tokenId: 't1', reason: 'credits', until: 5 }, 'system').events).toEqual([]);
  });

  test('what was seen before the last change of state proves nothing', () => {
    const seen = (observedAt: number) =>
      given(token()).when(suspendToken, { tokenId: 't1', reason: 'failures', observedAt }, 'system').result.changed;
    expect(seen(999)).toBe(false);
    expect(seen(1_000)).toBe(true);
    expect(given(token()).when(invalidateToken, { tokenId: 't1', message: 'x', observedAt: 999 }, 'system').result.changed).toBe(false);
  });

  test('an unknown token is not found, a dead one stays dead, members may not', () => {
    expect(nobody.refuses(suspendToken, { tokenId: 't1', reason: 'admin' })).toBe('not_found');
    expect(given(token({ status: 'invalid' })).when(suspendToken, { tokenId: 't1', reason: 'admin' }).events).toEqual([]);
    expect(given(token()).refuses(suspendToken, { tokenId: 't1', reason: 'admin' }, 'user/ada')).toBe('forbidden');
  });

  test('many at once: those that were not paused by an admin before', () => {
    const { events, result } = given([token({ id: 'a' }), { ...suspended('admin'), id: 'b' }, { ...suspended('failures'), id: 'c' }]).when(
      pauseTokens,
      {
        ids: ['a', 'b', 'c', 'gone'],
      },
    );
    expect(result).toEqual({ paused: ['a', 'c'] });
    expect(events.map(({ subject }) => subject)).toEqual(['token/a', 'token/c']);
  });
});

describe('resuming', () => {
  test('an admin ends whatever it is', () => {
    for (const state of [
      suspended('failures'),
      suspended('upstream'),
      suspended('admin'),
      suspended('credits', 5),
      token({ status: 'invalid' }),
    ]) {
      expect(given(state).when(resumeToken, { tokenId: 't1' }).result).toEqual({ changed: true });
    }
  });

  test.each([
    ['check', 'failures', true],
    ['check', 'upstream', false],
    ['check', 'admin', false],
    ['check', 'credits', false],
    ['credits', 'credits', true],
    ['credits', 'failures', false],
    ['credits', 'admin', false],
  ] as const)('%s ends a suspension for %s: %s', (cause, reason, changed) => {
    expect(given(suspended(reason)).when(resumeToken, { tokenId: 't1', cause }, 'system').result).toEqual({ changed });
  });

  test('an active token needs none, a dead one no check revives', () => {
    expect(given(token()).when(resumeToken, { tokenId: 't1' }).events).toEqual([]);
    expect(given(token({ status: 'invalid' })).when(resumeToken, { tokenId: 't1', cause: 'check' }, 'system').events).toEqual([]);
  });
});

describe('checking', () => {
  const found = {
    tokenId: 't1',
    ok: true,
    failure: null,
    message: null,
    plan: 'PRO',
    creditsUsed: 1.5,
    creditsLimit: 10,
    resetAt: null,
    durationUs: 9,
  };
  const types = (state: TokenState, input: typeof found) =>
    given(state)
      .when(recordTokenCheck, input, 'system')
      .events.map(({ type }) => type);

  test('is always recorded; one that passes ends failures, and credits when there are some', () => {
    expect(types(token(), found)).toEqual(['token.checked']);
    expect(types(suspended('failures'), found)).toEqual(['token.checked', 'token.resumed']);
    expect(types(suspended('credits'), found)).toEqual(['token.checked', 'token.resumed']);
    expect(types(suspended('credits'), { ...found, creditsUsed: 10 })).toEqual(['token.checked']);
    expect(types(suspended('upstream'), found)).toEqual(['token.checked']);
    expect(types(suspended('failures'), { ...found, ok: false })).toEqual(['token.checked']);
  });

  test('moves the end of a want of credits to the reset that it found, later or earlier, while they are out', () => {
    const out = { ...found, creditsUsed: 10 };
    const moved = (state: TokenState, input: object) =>
      given(state)
        .when(recordTokenCheck, { ...out, ...input }, 'system')
        .events.slice(1);
    for (const resetAt of [NOW + 5, NOW + 50]) {
      expect(moved(suspended('credits', NOW + 9), { resetAt })).toMatchObject([
        {
          type: 'token.suspended',
          data: { reason: 'credits', until: resetAt, previous: { status: 'suspended', reason: 'credits', until: NOW + 9 } },
        },
      ]);
    }
    const still = [{ resetAt: NOW + 9 }, { resetAt: NOW - 1 }, { resetAt: null }, { resetAt: NOW + 5, ok: false }];
    for (const input of still) expect(moved(suspended('credits', NOW + 9), input)).toEqual([]);
    expect(moved(suspended('credits', NOW + 9), { resetAt: NOW + 5, creditsLimit: null })).toEqual([]);
    for (const state of [token(), suspended('admin'), suspended('upstream')]) expect(moved(state, { resetAt: NOW + 5 })).toEqual([]);
  });

  test('members check their own', () => {
    expect(given(token()).refuses(recordTokenCheck, found, 'user/ada')).toBe('accepted');
    expect(given(token()).refuses(recordTokenCheck, found, 'user/eve')).toBe('not_found');
  });
});

describe('what owners set', () => {
  test('visibility', () => {
    expect(given(token()).when(changeTokenVisibility, { tokenId: 't1', visibility: 'private' }, 'user/ada').events).toEqual([
      { type: 'token.visibility-changed', subject: 'token/t1', data: { from: 'public', to: 'private' } },
    ]);
    expect(given(token()).when(changeTokenVisibility, { tokenId: 't1', visibility: 'public' }).events).toEqual([]);
    expect(given(token({ ownerId: null })).refuses(changeTokenVisibility, { tokenId: 't1', visibility: 'private' })).toBe(
      'invalid_request visibility',
    );
    expect(given(token()).refuses(changeTokenVisibility, { tokenId: 't1', visibility: 'private' }, 'user/eve')).toBe('not_found');
  });

  test('name, cap and models', () => {
    const { events, result } = given(token({ name: 'old', dailyCap: 5 })).when(
      changeTokenLimits,
      { tokenId: 't1', name: '', allowedModels: ['m'] },
      'user/ada',
    );
    expect(result).toEqual({ name: null, dailyCap: 5, allowedModels: ['m'] });
    expect(events[0]?.data).toEqual({ from: { name: 'old', dailyCap: 5, allowedModels: null }, to: result });
    expect(given(token()).when(changeTokenLimits, { tokenId: 't1', dailyCap: null }).events).toEqual([]);
    expect(given(token()).refuses(changeTokenLimits, { tokenId: 't1', dailyCap: 1 }, 'user/eve')).toBe('not_found');
  });

  test('taking it back', () => {
    expect(given(token()).when(removeToken, { tokenId: 't1' }, 'user/ada').events).toEqual([
      { type: 'token.removed', subject: 'token/t1', data: { ownerId: 'ada', visibility: 'public', provider: 'kiro', name: null } },
    ]);
    expect(given(token()).refuses(removeToken, { tokenId: 't1' }, 'user/eve')).toBe('not_found');
    expect(given(token({ ownerId: null })).refuses(removeToken, { tokenId: 't1' }, 'user/eve')).toBe('not_found');
    expect(nobody.refuses(removeToken, { tokenId: 't1' })).toBe('not_found');
  });
});

test('whatever the system suspends and resumes, only an admin ends what an admin or the upstream began', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('suspend' as const), reason: fc.constantFrom('failures' as const, 'credits' as const) }),
    fc.record({ kind: fc.constant('resume' as const), cause: fc.constantFrom('check' as const, 'credits' as const) }),
  );
  fc.assert(
    fc.property(fc.constantFrom('admin' as const, 'upstream' as const), fc.array(step), (reason, steps) => {
      for (const one of steps) {
        const state = given(suspended(reason));
        const { events } =
          one.kind === 'suspend'
            ? state.when(suspendToken, { tokenId: 't1', reason: one.reason }, 'system')
            : state.when(resumeToken, { tokenId: 't1', cause: one.cause }, 'system');
        expect(events).toEqual([]);
      }
    }),
  );
});
