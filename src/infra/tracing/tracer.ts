/** What is told of a request that ended, as one trace; without an address nothing of OpenTelemetry is loaded. */
import type { Logger } from 'pino';

export interface TracedAttempt {
  readonly attemptId: string;
  readonly tokenId: string;
  readonly provider: string;
  /** ms since epoch */
  readonly startedAt: number;
  readonly durationMs: number;
  /** HTTP status of the upstream; null: it gave none. */
  readonly status: number | null;
  /** What it failed with; null: it served. */
  readonly failure: string | null;
}

/** Never holds prompts, replies, addresses, keys or tokens themselves: ids and figures only. */
export interface TracedRequest {
  /** The client's headers of W3C Trace Context. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly requestId: string;
  /** Path, for example `/v1/messages`. */
  readonly route: string;
  /** Empty: refused before it was read. */
  readonly model: string;
  readonly stream: boolean;
  /** ms since epoch */
  readonly startedAt: number;
  readonly durationMs: number;
  /** What the client got; 499: it left. */
  readonly status: number;
  /** Code of the error; null: none. */
  readonly error: string | null;
  /** From arrival to the first model output; null: there was none. */
  readonly firstOutputMs: number | null;
  readonly maxTokens: number | null;
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number } | null;
  readonly attempts: readonly TracedAttempt[];
  /** The terminal event; null: refused before admission. */
  readonly event: { readonly id: string; readonly type: string; readonly subject: string; readonly source: string } | null;
}

export interface Tracer {
  /** Never throws and never waits; what the collector does not take in time is dropped. */
  record(request: TracedRequest): void;
  /** Sends what is left, for a few seconds at most. */
  close(): Promise<void>;
}

export interface TracerOptions {
  /** Base address of an OTLP collector over HTTP, for example `http://collector:4318`; empty: no traces. */
  readonly endpoint: string;
  /** `name=value,…`, as OTEL_EXPORTER_OTLP_HEADERS has them. */
  readonly headers: string;
  readonly serviceName: string;
  readonly nodeId: string;
  readonly version: string;
  readonly logger: Logger;
}

export async function openTracer(options: TracerOptions): Promise<Tracer | undefined> {
  if (options.endpoint === '') return undefined;
  const { createOtlpTracer } = await import('./otlp.js');
  return createOtlpTracer(options);
}
