/** Asks the limits for a token on behalf of a run. */
import type { AdmitRequest, Admitted, Refusal } from '../../limits/port.js';
import type { GatewayDeps } from '../deps.js';
import { affinityOf, type Run } from './run.js';

export interface AdmitChoice {
  /** From 1; the first reserves quota and key rate. */
  readonly attempt: number;
  readonly exclude: readonly string[];
  readonly onlyTokenId: string | null;
}

export function admitRequest(run: Run, choice: AdmitChoice, attemptId: string): AdmitRequest {
  const { caller } = run;
  return {
    attemptId,
    requestId: run.requestId,
    terminalEventId: run.terminalEventId,
    attempt: choice.attempt,
    userId: caller.userId,
    keyId: caller.keyId,
    quota: caller.quota,
    keyRpm: caller.keyRpm,
    targets: run.targets,
    onlyTokenId: caller.onlyTokenId ?? choice.onlyTokenId,
    ownOnly: caller.ownOnly,
    exclude: choice.exclude,
    affinity: affinityOf(run.request, caller),
    facts: { endpoint: run.endpoint, model: run.request.model, stream: run.call.stream, startedAt: run.startedAt },
  };
}

export interface AdmittedAttempt extends Admitted {
  readonly attemptId: string;
}

/** Reserves; the answer carries the attempt's id. */
export async function admit(run: Run, choice: AdmitChoice, deps: GatewayDeps): Promise<AdmittedAttempt | Refusal> {
  const attemptId = deps.ids.uuid();
  const answer = await deps.limits.admit(admitRequest(run, choice, attemptId));
  if (!answer.ok) return answer;
  run.decision = answer.decision;
  run.period = answer.period;
  return { ...answer, attemptId };
}
