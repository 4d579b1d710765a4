/** What every group of contract cases works with: the adapter under test, opened anew for each case, and shorthands. */
import { expect } from 'vitest';
import type {
  AdmitRequest,
  Admitted,
  AttemptOutcome,
  LimitSettings,
  Limits,
  OpenRecord,
  PoolToken,
  Refusal,
  Settled,
  TokenUse,
} from '../port.js';
import { admitRequest, poolToken, roomy, START, type TestClock } from './fixtures.js';

export interface LimitsUnderTest {
  readonly limits: Limits;
  readonly clock: TestClock;
  /** For random histories; without it they are played to `limits` alone, and nothing dies. */
  readonly site?: Site;
}

/** Where a history takes place: some nodes that may be killed. */
export interface Site {
  /** Those that live, at least one. */
  nodes(): readonly Limits[];
  /** Time goes on, and nodes give their life signs. */
  advance(ms: number): Promise<void>;
  /** Kills a node and goes on until its end is noticed. Absent: nothing dies here. */
  readonly kill?: (node: Limits, settings: LimitSettings) => Promise<Killed>;
  /**
   * Nodes decide on copies of their own. When a copy last looked at a token is its own affair, and one that was made anew does
   * not know why a token was chosen: histories let all tokens be looked at before they ask, and compare a repeated answer by
   * what was chosen. `knowTalks`: does a copy made anew know conversations?
   */
  readonly copies?: { readonly knowTalks: boolean };
  close(): Promise<void>;
}

/**
 * `restarted`: everything was gone but the open records, `nodes()` is a new run that knows nothing else.
 * `swept`: the others lived on, and have just freed what the dead one held.
 */
export interface Killed {
  readonly how: 'restarted' | 'swept';
  /** Of the monotonic clock, when it died. */
  readonly diedAt: number;
}

export interface OpenOptions {
  readonly settings: LimitSettings;
  /** Open records that a dead run left behind. */
  readonly found?: readonly OpenRecord[];
  /** A random history comes: with a `site`, where the adapter has one. */
  readonly history?: boolean;
}

export type OpenLimits = (options: OpenOptions) => Promise<LimitsUnderTest>;

export const DAY_END = Date.UTC(2026, 10, 24);
export const MONTH_END = Date.UTC(2026, 11, 1);
export { START };

/** One node that nothing happens to. */
export function quietSite({ limits, clock }: LimitsUnderTest): Site {
  return {
    nodes: () => [limits],
    async advance(ms) {
      clock.advance(ms);
    },
    close: () => limits.close(),
  };
}

/** One adapter at a time; `start` opens the next. */
export class Context {
  #opened: LimitsUnderTest | undefined;

  constructor(readonly open: OpenLimits) {}

  get limits(): Limits {
    return this.#current.limits;
  }

  get clock(): TestClock {
    return this.#current.clock;
  }

  /** Roomy settings and one token `a`, where nothing else is said. */
  async start(
    settings: Partial<LimitSettings> = {},
    tokens: readonly PoolToken[] = [poolToken('a')],
    found: readonly OpenRecord[] = [],
  ): Promise<void> {
    await this.close();
    this.#opened = await this.open({ settings: { ...roomy, ...settings }, found });
    await this.limits.putTokens(tokens);
  }

  admit(id: string, over: Partial<AdmitRequest> = {}): Promise<Admitted | Refusal> {
    return this.limits.admit(admitRequest(id, over));
  }

  /** The token that was given, or the refusal's code. */
  async codeOf(id: string, over: Partial<AdmitRequest> = {}): Promise<string> {
    const answer = await this.admit(id, over);
    return answer.ok ? answer.tokenId : answer.code;
  }

  end(
    id: string,
    outcome: AttemptOutcome,
    over: { retryAfterMs?: number; sent?: boolean; modelUnsupported?: boolean } = {},
  ): Promise<Settled> {
    return this.limits.settle({ attemptId: `attempt-${id}`, outcome, retryAfterMs: null, sent: true, ...over });
  }

  /** Admitted and failed. */
  async fail(id: string, over: Partial<AdmitRequest> = {}, outcome: AttemptOutcome = 'token_failure'): Promise<Settled> {
    expect(await this.admit(id, over)).toMatchObject({ ok: true });
    return this.end(id, outcome);
  }

  /** A whole request that the upstream serves: the token that did, or the refusal's code. */
  async serve(id: string, over: Partial<AdmitRequest> = {}): Promise<string> {
    const answer = await this.admit(id, over);
    if (!answer.ok) return answer.code;
    this.limits.responded(`attempt-${id}`);
    await this.end(id, 'success');
    await this.finish(id, 'keep');
    return answer.tokenId;
  }

  finish(id: string, quota: 'keep' | 'return') {
    return this.limits.finish({ requestId: `request-${id}`, quota });
  }

  async useOf(tokenId: string): Promise<TokenUse | undefined> {
    return (await this.limits.tokenUse([tokenId]))[0];
  }

  async close(): Promise<void> {
    await this.#opened?.limits.close();
    this.#opened = undefined;
  }

  get #current(): LimitsUnderTest {
    if (this.#opened === undefined) throw new Error('start first');
    return this.#opened;
  }
}
