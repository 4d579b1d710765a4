/** A request that has ended, as tracing wants it: ids and figures, never content. */
import type { IncomingMessage } from 'node:http';
import type { TracedRequest } from '../../infra/tracing/tracer.js';
import { safeText } from '../../shared/safeText.js';
import type { GatewayDeps } from '../deps.js';
import { header } from '../http.js';
import type { Run } from './run.js';
import { type Ending, terminalOf, usageOf } from './settle.js';

/** An admitted request, with its attempts and its terminal event. */
export function traceEnded(req: IncomingMessage, run: Run, ending: Ending, deps: Pick<GatewayDeps, 'tracer' | 'clock' | 'nodeId'>): void {
  const { type, subject, status, reason } = terminalOf(run, ending);
  deps.tracer?.record({
    ...contextOf(req),
    requestId: run.requestId,
    route: run.endpoint,
    model: safeText(run.request.model, 200),
    stream: run.call.stream,
    startedAt: run.startedAt,
    durationMs: deps.clock.monotonic() - run.startedMono,
    status,
    error: reason?.code ?? null,
    firstOutputMs: run.firstOutputMono === null ? null : run.firstOutputMono - run.startedMono,
    maxTokens: run.request.maxTokens ?? null,
    usage: usageOf(run),
    attempts: run.attempts.map((attempt) => ({ ...attempt, durationMs: attempt.durationUs / 1000 })),
    event: { id: run.terminalEventId, type, subject, source: `/kirogate/nodes/${deps.nodeId}` },
  });
}

export interface RefusedRequest {
  readonly requestId: string;
  readonly endpoint: string;
  readonly model: string;
  readonly stream: boolean;
  readonly status: number;
  readonly code: string;
  readonly startedAt: number;
  readonly latencyUs: number;
}

/** A request that was never admitted: one span. */
export function traceRefused(req: IncomingMessage, refused: RefusedRequest, deps: Pick<GatewayDeps, 'tracer'>): void {
  deps.tracer?.record({
    ...contextOf(req),
    requestId: refused.requestId,
    route: refused.endpoint,
    model: refused.model,
    stream: refused.stream,
    startedAt: refused.startedAt,
    durationMs: refused.latencyUs / 1000,
    status: refused.status,
    error: refused.code,
    firstOutputMs: null,
    maxTokens: null,
    usage: null,
    attempts: [],
    event: null,
  });
}

const contextOf = (req: IncomingMessage): Pick<TracedRequest, 'traceparent' | 'tracestate'> => ({
  traceparent: header(req, 'traceparent'),
  tracestate: header(req, 'tracestate'),
});
