/** Everything known of one request while it runs; what the terminal event is made from. */
import type { Admitted, Decision } from '../../limits/port.js';
import type { FailureKind, ModelRequest, Usage } from '../../upstreams/define.js';
import type { ParsedCall } from '../dialects/define.js';
import type { Caller } from './caller.js';
import type { Target } from './models.js';

export interface AttemptRecord {
  readonly attemptId: string;
  readonly tokenId: string;
  readonly provider: string;
  /** ms since epoch */
  readonly startedAt: number;
  readonly startedMono: number;
  respondedAt: number | null;
  /** Was anything sent to the upstream? */
  sent: boolean;
  durationUs: number;
  outcome: 'success' | 'failed' | 'aborted';
  failure: FailureKind | null;
  status: number | null;
}

export interface Run {
  readonly requestId: string;
  readonly terminalEventId: string;
  readonly endpoint: string;
  /** As the directory had it at the last look. */
  caller: Caller;
  readonly call: ParsedCall;
  readonly request: ModelRequest;
  targets: readonly Target[];
  /** ms since epoch and monotonic, at arrival. */
  readonly startedAt: number;
  readonly startedMono: number;
  /** Aborts the upstream call: the client left or the node stops. */
  readonly abort: AbortController;
  readonly attempts: AttemptRecord[];
  /** See `GenerateCall.lessons`. */
  readonly lessons: Set<string>;
  decision: Decision;
  period: Admitted['period'];
  /** Monotonic time of the first model output that went to the client. */
  firstOutputMono: number | null;
  usage: Usage | null;
  microCredits: number | null;
  /** Characters of output, for an estimate where the upstream gives none. */
  outputChars: number;
  /** Settlements of ended attempts, which may run beside the reply's end; none of them rejects. */
  readonly settling: Promise<void>[];
}

/** The client's conversation, apart from every other key's. */
export function affinityOf(request: ModelRequest, caller: Caller): string | null {
  return request.conversation === null ? null : `${caller.keyId}:${request.conversation}`;
}
