/** Remembers what reached the service: exact counters and peaks for each credential and in all, and the latest requests. */
import type { Clock } from '../shared/clock.js';
import { createSlidingMax, type SlidingMax } from './slidingMax.js';

export type Operation = 'generate' | 'refresh' | 'listProfiles' | 'listModels' | 'usageLimits';

/**
 * completed: the whole answer was handed over with a 2xx · refused: with another status ·
 * aborted: the client closed first · cut: we destroyed the socket on purpose.
 */
export type Outcome = 'completed' | 'refused' | 'aborted' | 'cut';

export interface Arrival {
  readonly operation: Operation;
  /** null: nobody we know. */
  readonly credential: string | null;
  readonly invocationId: string | null;
}

/** One request as the service saw it. Times in milliseconds. */
export interface RequestRecord {
  /** Rises by one with each request; a gap in a listing means the ring has forgotten some. */
  readonly seq: number;
  /** Wall time of arrival. */
  readonly at: number;
  readonly operation: Operation;
  readonly credential: string | null;
  readonly invocationId: string | null;
  conversationId: string | null;
  model: string | null;
  /** null while it runs, or when the client left before an answer began. */
  status: number | null;
  outcome: Outcome | null;
  /** From arrival to the end; for `aborted` how long the client stayed. */
  durationMs: number | null;
  /** Which rule a refusal names. */
  rule: string | null;
}

/** Completions only, except `refreshes` and `otherCalls`. */
export interface Tally {
  readonly requests: number;
  readonly inFlight: number;
  readonly completed: number;
  readonly refused: number;
  readonly aborted: number;
  readonly cut: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Completions running at once, by arrival of the headers and end of the answer. */
  readonly maxConcurrent: number;
  /** Most arrivals in any 60 s and any 3600 s. */
  readonly maxPer60s: number;
  readonly maxPer3600s: number;
  /** true: more than two million calls lay in one window, the two numbers above are lower bounds. */
  readonly saturated: boolean;
  readonly refreshes: number;
  readonly refreshesFailed: number;
  readonly maxConcurrentRefreshes: number;
  /** Listings and usage reads. */
  readonly otherCalls: number;
}

export interface WitnessSnapshot {
  readonly overall: Tally;
  readonly credentials: Readonly<Record<string, Tally>>;
  /** Completions that no known credential came with. */
  readonly unknownCaller: number;
}

export interface Visit {
  readonly record: RequestRecord;
  /** Completions of this credential in the last 60 s and 3600 s and those in flight, this one included. */
  readonly load: { readonly per60s: number; readonly per3600s: number; readonly concurrent: number };
  end(outcome: Outcome, status: number | null): void;
}

export interface Witness {
  arrive(arrival: Arrival): Visit;
  snapshot(): WitnessSnapshot;
  /** Records after `after`, oldest first. */
  requests(query?: { readonly after?: number; readonly limit?: number }): readonly RequestRecord[];
  /** Forgets everything but what is in flight. */
  reset(): void;
}

const WINDOWS = [60_000, 3_600_000] as const;
const zero = { requests: 0, completed: 0, refused: 0, aborted: 0, cut: 0, refreshes: 0, refreshesFailed: 0, otherCalls: 0 };

interface Counters {
  readonly counts: typeof zero;
  readonly byStatus: Map<number, number>;
  readonly windows: SlidingMax;
  readonly running: { calls: number; maxCalls: number; refreshes: number; maxRefreshes: number };
}

function createCounters(): Counters {
  return {
    counts: { ...zero },
    byStatus: new Map(),
    windows: createSlidingMax(WINDOWS),
    running: { calls: 0, maxCalls: 0, refreshes: 0, maxRefreshes: 0 },
  };
}

function begin(c: Counters, operation: Operation, now: number): void {
  if (operation === 'generate') {
    c.counts.requests += 1;
    c.running.maxCalls = Math.max(c.running.maxCalls, ++c.running.calls);
    c.windows.add(now);
  } else if (operation === 'refresh') {
    c.counts.refreshes += 1;
    c.running.maxRefreshes = Math.max(c.running.maxRefreshes, ++c.running.refreshes);
  } else {
    c.counts.otherCalls += 1;
  }
}

function finish(c: Counters, operation: Operation, outcome: Outcome, status: number | null): void {
  if (operation === 'generate') {
    c.running.calls -= 1;
    c.counts[outcome] += 1;
    if (status !== null) c.byStatus.set(status, (c.byStatus.get(status) ?? 0) + 1);
  } else if (operation === 'refresh') {
    c.running.refreshes -= 1;
    if (outcome !== 'completed') c.counts.refreshesFailed += 1;
  }
}

function forget(c: Counters): void {
  Object.assign(c.counts, zero);
  c.byStatus.clear();
  c.windows.reset();
  c.running.maxCalls = c.running.calls;
  c.running.maxRefreshes = c.running.refreshes;
}

function tally(c: Counters): Tally {
  const [maxPer60s = 0, maxPer3600s = 0] = c.windows.highest();
  return {
    ...c.counts,
    inFlight: c.running.calls,
    byStatus: Object.fromEntries(c.byStatus),
    maxConcurrent: c.running.maxCalls,
    maxConcurrentRefreshes: c.running.maxRefreshes,
    maxPer60s,
    maxPer3600s,
    saturated: c.windows.saturated(),
  };
}

/** `keep` requests are remembered; counters are kept for each credential that ever called. */
export function createWitness(options: { clock: Clock; keep: number }): Witness {
  const { clock, keep } = options;
  const overall = createCounters();
  const byCredential = new Map<string, Counters>();
  const ring: RequestRecord[] = [];
  let nextSeq = 1;
  let unknownCaller = 0;

  const countersOf = (credential: string): Counters => {
    const known = byCredential.get(credential);
    if (known) return known;
    const fresh = createCounters();
    byCredential.set(credential, fresh);
    return fresh;
  };
  const remember = (arrival: Arrival): RequestRecord => {
    const seq = nextSeq++;
    const { operation, credential, invocationId } = arrival;
    const record: RequestRecord = {
      seq,
      at: clock.now(),
      operation,
      credential,
      invocationId,
      conversationId: null,
      model: null,
      status: null,
      outcome: null,
      durationMs: null,
      rule: null,
    };
    ring[seq % keep] = record;
    return record;
  };

  return {
    arrive(arrival) {
      const { operation, credential } = arrival;
      const started = clock.monotonic();
      const record = remember(arrival);
      const own = credential === null ? null : countersOf(credential);
      begin(overall, operation, started);
      if (own) begin(own, operation, started);
      else if (operation === 'generate') unknownCaller += 1;
      const [per60s = 0, per3600s = 0] = own?.windows.counts(started) ?? [];
      return {
        record,
        load: { per60s, per3600s, concurrent: own?.running.calls ?? 0 },
        end(outcome, status) {
          if (record.outcome !== null) return;
          record.outcome = outcome;
          record.status = status;
          record.durationMs = clock.monotonic() - started;
          finish(overall, operation, outcome, status);
          if (own) finish(own, operation, outcome, status);
        },
      };
    },
    snapshot: () => ({
      overall: tally(overall),
      credentials: Object.fromEntries([...byCredential].map(([id, counters]) => [id, tally(counters)])),
      unknownCaller,
    }),
    requests({ after = 0, limit = 1_000 } = {}) {
      const first = Math.max(after + 1, nextSeq - keep, 1);
      const out: RequestRecord[] = [];
      for (let seq = first; seq < nextSeq && out.length < limit; seq++) {
        const record = ring[seq % keep];
        if (record?.seq === seq) out.push(record);
      }
      return out;
    },
    reset() {
      for (const counters of [overall, ...byCredential.values()]) forget(counters);
      ring.length = 0;
      unknownCaller = 0;
    },
  };
}
