/** How a request ended, read in one form from the five events that say so. */

import type { StoredEvent } from '../events/define.js';
import type { EventData } from '../events/index.js';

type Terminal = EventData<'kirogate.token.used'>;

export const requestEndTypes = [
  'kirogate.token.used',
  'kirogate.request.failed',
  'kirogate.request.cancelled',
  'kirogate.request.abandoned',
  'kirogate.request.refused',
] as const;

type Facts = Pick<Terminal, 'requestId' | 'userId' | 'keyId' | 'endpoint' | 'model' | 'stream' | 'status' | 'startedAt' | 'latencyUs'>;

export interface RequestEnd extends Facts {
  readonly outcome: 'completed' | 'failed' | 'cancelled' | 'abandoned' | 'refused';
  /** Code of the error catalogue, or `abandoned`; null: none. */
  readonly code: string | null;
  readonly message: string | null;
  /** Requests this stands for. `latencyUs` is the sum over them. */
  readonly count: number;
  readonly tokenId: string | null;
  /** Counts against the user's quotas of these periods; null: it does not. */
  readonly charge: { readonly day: string; readonly month: string } | null;
  /** UTC day the request is counted in, where the event fixes it. */
  readonly day: string | null;
  readonly attempts: Terminal['attempts'];
  readonly attemptCount: number;
  readonly usage: Terminal['usage'] | null;
  readonly firstOutputUs: number | null;
}

type Abandoned = EventData<'kirogate.request.abandoned'>;
type Refused = EventData<'kirogate.request.refused'>;
type Failed = EventData<'kirogate.request.failed'>;

/** `event` must be of `requestEndTypes`, its data decoded. */
export function requestEnd(event: StoredEvent): RequestEnd {
  switch (event.type) {
    case 'kirogate.token.used':
      return terminal(event.data as Terminal, 'completed', null, null);
    case 'kirogate.request.failed': {
      const data = event.data as Failed;
      return terminal(data, 'failed', data.code, data.message);
    }
    case 'kirogate.request.cancelled': {
      const data = event.data as Failed;
      return terminal(data, 'cancelled', data.code, data.message);
    }
    case 'kirogate.request.abandoned':
      return abandoned(event.data as Abandoned);
    case 'kirogate.request.refused':
      return refused(event.data as Refused);
    default:
      throw new Error(`${event.type} does not end a request`);
  }
}

/**
 * A generation request that passed authentication counts in the statistics (contract §5): also one whose key was revoked when it
 * had been admitted, which ends with 401.
 */
export function isAuthenticated(end: RequestEnd): boolean {
  return end.userId !== '' && (end.outcome !== 'refused' || end.status !== 401);
}

function terminal(data: Terminal, outcome: RequestEnd['outcome'], code: string | null, message: string | null): RequestEnd {
  const tokenId = data.tokenId === '' ? null : data.tokenId;
  const { attempts, usage, firstOutputUs } = data;
  return end(data, {
    outcome,
    code,
    message,
    count: 1,
    tokenId,
    charge: chargeOf(data),
    day: data.period.day,
    attempts,
    attemptCount: attempts.length,
    usage,
    firstOutputUs,
  });
}

function abandoned(data: Abandoned): RequestEnd {
  const { tokenId, attempt: attemptCount } = data;
  return end(data, {
    ...nothing,
    outcome: 'abandoned',
    code: 'abandoned',
    tokenId,
    charge: chargeOf(data),
    day: data.period.day,
    attemptCount,
  });
}

function refused(data: Refused): RequestEnd {
  return end(data, { ...nothing, outcome: 'refused', code: data.code, count: data.count });
}

const nothing = {
  message: null,
  count: 1,
  tokenId: null,
  charge: null,
  day: null,
  attempts: [],
  attemptCount: 0,
  usage: null,
  firstOutputUs: null,
};

function chargeOf(data: Pick<Terminal, 'charged' | 'metered' | 'period'>): RequestEnd['charge'] {
  return data.charged && data.metered ? data.period : null;
}

/** Written out: spreading into an object of this size took 23 µs, this takes none that shows. */
function end(facts: Facts, rest: Omit<RequestEnd, keyof Facts>): RequestEnd {
  return {
    requestId: facts.requestId,
    userId: facts.userId,
    keyId: facts.keyId,
    endpoint: facts.endpoint,
    model: facts.model,
    stream: facts.stream,
    status: facts.status,
    startedAt: facts.startedAt,
    latencyUs: facts.latencyUs,
    outcome: rest.outcome,
    code: rest.code,
    message: rest.message,
    count: rest.count,
    tokenId: rest.tokenId,
    charge: rest.charge,
    day: rest.day,
    attempts: rest.attempts,
    attemptCount: rest.attemptCount,
    usage: rest.usage,
    firstOutputUs: rest.firstOutputUs,
  };
}
