/**
 * Who may go, and on which token. Admission reserves, settlement confirms or gives back; both are
 * idempotent by attempt id. Times are milliseconds; windows run on the adapter's own clock.
 */

/** Caps and switches that every admission obeys; the directory keeps them fresh. Contract §2. */
export interface LimitSettings {
  readonly tokenRpmLimit: number;
  readonly tokenRphLimit: number;
  readonly tokenMaxConcurrent: number;
  readonly tokenMaxConsecutiveUses: number;
  /** A token with 10 or more attempts and a success rate below this gets half of the success part of its score. */
  readonly tokenMinSuccessRate: number;
  /** Control position they were read at; older ones never replace newer ones. Absent: these are the newest. */
  readonly position?: number;
}

/** A pooled token as the limits see it. */
export interface PoolToken {
  readonly id: string;
  /** null: belongs to the site. */
  readonly ownerId: string | null;
  /** `external`: a caller's own token (`ext-…`), never pooled, used only when named. */
  readonly visibility: 'public' | 'private' | 'external';
  readonly provider: string;
  /** Model ids this token may serve, normalised as the upstream names them; null = all of its provider. */
  readonly models: readonly string[] | null;
  readonly status: 'active' | 'suspended' | 'invalid';
  /** Out of credits until then (ms since epoch), or null. Such a token is `active` here: it comes back by itself. */
  readonly parkedUntil: number | null;
  /** The donor's own cap per UTC day, or null. */
  readonly dailyCap: number | null;
  /** When the token joined (ms since epoch). */
  readonly createdAt: number;
  /** Control position this state was read at; an older one never replaces a newer one. */
  readonly position: number;
}

/** What the last day says of a token; seeds the score after a start. */
export interface TokenHistory {
  readonly tokenId: string;
  /** Sends that still count in a window, ms since epoch of response headers or failure. */
  readonly sends: readonly number[];
  /** Results of the last 100 attempts within 24 h, oldest first; true = success. */
  readonly results: readonly boolean[];
  readonly consecutiveFails: number;
  readonly cooldownUntil: number | null;
  readonly lastUsedAt: number | null;
  /** Sends of the current UTC day, for the donor's cap. */
  readonly dayUsed?: number;
}

export interface UserUsage {
  readonly userId: string;
  /** `2026-11-23` */
  readonly day: string;
  readonly dayUsed: number;
  /** `2026-11` */
  readonly month: string;
  readonly monthUsed: number;
}

/** When a key's requests of the last 60 s began, ms since epoch, whatever became of them. */
export interface KeyHistory {
  readonly keyId: string;
  readonly times: readonly number[];
}

/** What the read models know; `tokens` and `users` are of the same moment, and so are `keys`. */
export interface RestoredState {
  readonly tokens: readonly TokenHistory[];
  readonly users: readonly UserUsage[];
  readonly keys?: readonly KeyHistory[];
}

export interface AdmitRequest {
  /** UUID of this attempt; a repeated call with it changes nothing and answers the same. */
  readonly attemptId: string;
  readonly requestId: string;
  /** Event id that the request's terminal event will have, minted at the first attempt. */
  readonly terminalEventId: string;
  /** 1 for the first attempt. Only the first reserves quota and key rate. */
  readonly attempt: number;
  readonly userId: string;
  readonly keyId: string;
  /** null: not metered (the operator's own use). */
  readonly quota: { readonly daily: number; readonly monthly: number } | null;
  /** Requests in any 60 s; null: not limited. */
  readonly keyRpm: number | null;
  /** Providers able to serve, each with the model id in its own naming. */
  readonly targets: readonly { readonly provider: string; readonly model: string }[];
  /** Only this token may serve (a caller's own, or a bound key). */
  readonly onlyTokenId: string | null;
  /** Self-use mode: own tokens only. */
  readonly ownOnly: boolean;
  /** Tokens already tried in this request. */
  readonly exclude: readonly string[];
  /** Conversation for prompt-cache affinity, namespaced by key; null: none. */
  readonly affinity: string | null;
  /** What the open record keeps beside the ids, for the abandoned event. */
  readonly facts: { readonly endpoint: string; readonly model: string; readonly stream: boolean; readonly startedAt: number };
}

export type RefusedBecause =
  | 'busy'
  | 'rpm'
  | 'rph'
  | 'cooling'
  | 'rotation'
  | 'suspended'
  | 'invalid'
  | 'credits'
  | 'daily_cap'
  | 'private'
  | 'model'
  | 'tried'
  | 'probing'
  | 'breaker';

/** Why this token: at most 8 candidates, best first. Scores are 0–1. Goes into the terminal event. */
export interface Decision {
  readonly candidates: readonly { readonly tokenId: string; readonly score: number; readonly refused: RefusedBecause | null }[];
  /** Tokens looked at in all. */
  readonly considered: number;
  readonly chosen: string | null;
  readonly reason: 'own' | 'affinity' | 'score' | 'only' | 'probe' | null;
}

export interface Admitted {
  readonly ok: true;
  readonly tokenId: string;
  readonly provider: string;
  readonly model: string;
  readonly decision: Decision;
  /** Period the charge belongs to, fixed here and kept to a refund. */
  readonly period: { readonly day: string; readonly month: string };
  /** Highest control position the limits know; a node whose directory is behind catches up before sending. */
  readonly position: number;
}

export type Refusal =
  | {
      readonly ok: false;
      readonly code: 'quota_exceeded';
      readonly quota: 'daily' | 'monthly';
      readonly limit: number;
      readonly used: number;
      readonly resetAt: number;
      readonly retryAfterMs: number;
    }
  | { readonly ok: false; readonly code: 'key_rate_limited'; readonly limit: number; readonly retryAfterMs: number }
  | {
      readonly ok: false;
      readonly code: 'pool_exhausted' | 'no_token_available' | 'upstream_overloaded';
      readonly retryAfterMs: number;
      readonly decision: Decision;
    };

/** How an attempt ended for its token (kiro-protocol B9 decides). */
export type AttemptOutcome =
  /** The upstream served it. */
  | 'success'
  /** The token's own fault: counts towards cooling and suspension. */
  | 'token_failure'
  /** 5xx or network: counts against the token only while others of its upstream succeed; otherwise against the upstream's breaker. */
  | 'upstream_failure'
  /** Client error, capacity, abort: no one's fault. */
  | 'neutral'
  /** Account risk control: cools at least 30 minutes. */
  | 'risk'
  /** Global capacity: short shared back-off, no penalty. */
  | 'capacity';

export interface SettleAttempt {
  readonly attemptId: string;
  readonly outcome: AttemptOutcome;
  /** Upstream's own hint how long to wait, ms; capped by the adapter. */
  readonly retryAfterMs: number | null;
  /** Was a request sent to the upstream at all? If not, the token's window gets its send back. */
  readonly sent: boolean;
  /** The upstream said that this credential may not use this model: remembered for an hour. */
  readonly modelUnsupported?: boolean;
}

/** What a result changed for one token. */
export interface HealthChange {
  /** A new rest; `until` in ms since epoch. */
  readonly cooled: { readonly until: number; readonly reason: 'failures' | 'risk' } | null;
  /** The token reached five consecutive failures: run the suspend command. */
  readonly suspend: boolean;
  readonly consecutiveFails: number;
}

/** What the settlement changed; the node turns it into events and commands. */
export interface Settled extends HealthChange {
  /** Did the result count against the token at once? An `upstream_failure` never does: only when another token succeeds after it. */
  readonly counted: boolean;
  /** Tokens whose earlier upstream failures count from now on, since another token of their upstream was served. Told once. */
  readonly others: readonly (HealthChange & { readonly tokenId: string })[];
}

export interface FinishRequest {
  readonly requestId: string;
  /** `keep`: charged. `return`: the reservation of quota is given back (key rate stays used). */
  readonly quota: 'keep' | 'return';
}

export interface Finished {
  /**
   * Quotas of which 80 % are used now, told once per period, and once more after each restore: an event of it needs an id
   * that is the same for the same user, quota and period.
   */
  readonly warned: readonly {
    readonly quota: 'daily' | 'monthly';
    readonly limit: number;
    readonly used: number;
    readonly resetAt: number;
  }[];
}

/** A begun request: written before the upstream is called, closed after its terminal event is in the log. */
export interface OpenRecord {
  readonly requestId: string;
  readonly terminalEventId: string;
  readonly attemptId: string;
  readonly attempt: number;
  readonly tokenId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly period: { readonly day: string; readonly month: string };
  readonly facts: AdmitRequest['facts'];
  readonly metered: boolean;
}

export interface TokenUse {
  readonly tokenId: string;
  readonly rpm: number;
  readonly rph: number;
  readonly concurrency: number;
  readonly consecutiveFails: number;
  readonly cooldownUntil: number | null;
  readonly failureRate: number;
}

export interface Limits {
  configure(settings: LimitSettings): void;
  /** Adds or replaces pool tokens; ignores a state older than the one known. */
  putTokens(tokens: readonly PoolToken[]): Promise<void>;
  /** Takes a token out of the pool; running calls settle as usual. */
  removeToken(tokenId: string, position: number): Promise<void>;
  /** An admin's resume: forgets failures and cooling. */
  resetToken(tokenId: string): Promise<void>;
  /** Seeds windows, health, quota use and key rates after a start. Idempotent. */
  restore(state: RestoredState): Promise<void>;
  /** Would this be refused now? Charges nothing. */
  peek(request: AdmitRequest): Promise<Refusal | null>;
  /** Reserves quota, key rate and a token slot, writes the open record. A refusal charges nothing. */
  admit(request: AdmitRequest): Promise<Admitted | Refusal>;
  /**
   * The upstream's response headers came (or the send failed): the send counts from now for 60 s and 3600 s, plus 1 s.
   * `served`: the first model output is here, so the upstream works; may be told later, in a second call. It opens a
   * breaker or back-off before the reply ends; without it the settlement does.
   */
  responded(attemptId: string, served?: boolean): void;
  /** Ends one attempt: frees the slot, counts the result. */
  settle(attempt: SettleAttempt): Promise<Settled>;
  /** Ends the request after its terminal event is in the log: settles quota, closes the open record. */
  finish(request: FinishRequest): Promise<Finished>;
  /** Open records of runs that are dead, oldest first; on a single node those found at start. */
  abandoned(): Promise<readonly OpenRecord[]>;
  /** Live figures for panels; unknown tokens answer zeros. */
  tokenUse(tokenIds: readonly string[]): Promise<readonly TokenUse[]>;
  userUse(userId: string): Promise<{ readonly day: string; readonly dayUsed: number; readonly month: string; readonly monthUsed: number }>;
  /** Requests of a key in the last 60 s. */
  keyUse(keyId: string): Promise<number>;
  close(): Promise<void>;
}
