/** What the suites of all adapters build their histories from: a clock that stands still, tokens, requests. */
import type { Clock } from '../../shared/clock.js';
import type { AdmitRequest, LimitSettings, PoolToken } from '../port.js';

/** Monday, 23 November 2026, noon UTC. */
export const START = Date.UTC(2026, 10, 23, 12);

export interface TestClock extends Clock {
  /** Both clocks go on. */
  advance(ms: number): void;
  /** Only the wall clock jumps. */
  step(ms: number): void;
}

export function createTestClock(): TestClock {
  let mono = 1_000;
  let wall = START;
  return {
    now: () => wall,
    monotonic: () => mono,
    advance(ms) {
      mono += ms;
      wall += ms;
    },
    step(ms) {
      wall += ms;
    },
  };
}

/** Room enough that a test sees only the limit it sets. */
export const roomy: LimitSettings = {
  tokenRpmLimit: 1_000,
  tokenRphLimit: 100_000,
  tokenMaxConcurrent: 100,
  tokenMaxConsecutiveUses: 1_000,
  tokenMinSuccessRate: 0.7,
};

export function poolToken(id: string, over: Partial<PoolToken> = {}): PoolToken {
  return {
    id,
    ownerId: null,
    visibility: 'public',
    provider: 'kiro',
    models: null,
    status: 'active',
    parkedUntil: null,
    dailyCap: null,
    createdAt: START,
    position: 1,
    ...over,
  };
}

export function admitRequest(id: string, over: Partial<AdmitRequest> = {}): AdmitRequest {
  return {
    attemptId: `attempt-${id}`,
    requestId: `request-${id}`,
    terminalEventId: `event-${id}`,
    attempt: 1,
    userId: 'user',
    keyId: 'key',
    quota: null,
    keyRpm: null,
    targets: [{ provider: 'kiro', model: 'sonnet' }],
    onlyTokenId: null,
    ownOnly: false,
    exclude: [],
    affinity: null,
    facts: { endpoint: '/v1/messages', model: 'claude-sonnet', stream: true, startedAt: START },
    ...over,
  };
}

/** 0.001, 0.002 …: tokens made earlier win ties. */
export function risingRandom(): () => number {
  let next = 0;
  return () => {
    next += 0.001;
    return next;
  };
}
