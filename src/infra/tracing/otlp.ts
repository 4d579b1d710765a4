/** Traces over OTLP/HTTP, named by OpenTelemetry's conventions for HTTP servers, generative AI and CloudEvents. */
import { randomBytes } from 'node:crypto';
import { createTraceState, ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-node';
import type { TracedAttempt, TracedRequest, Tracer, TracerOptions } from './tracer.js';

/** A stopping node waits this long for its collector. */
const CLOSE_MS = 3_000;
const EXPORT_TIMEOUT_MS = 10_000;

/** Spans are made when a request has ended, from what its event is made of: while it runs, tracing costs nothing. */
export function createOtlpTracer(options: TracerOptions): Tracer {
  const ids = createIdGenerator();
  const exporter = reporting(
    new OTLPTraceExporter({ url: urlOf(options.endpoint), headers: headersOf(options.headers), timeoutMillis: EXPORT_TIMEOUT_MS }),
    options.logger,
  );
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': options.serviceName,
      'service.version': options.version,
      'service.instance.id': options.nodeId,
    }),
    idGenerator: ids,
    // The queue is bounded (2,048 spans): what comes while it is full is dropped.
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('kirogate', options.version);

  return {
    record(request) {
      const remote = remoteParent(request);
      const parent = remote === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
      ids.nextTrace(request.requestId.replaceAll('-', ''));
      const server = tracer.startSpan(
        `POST ${request.route}`,
        { kind: SpanKind.SERVER, startTime: timeOf(request.startedAt), attributes: serverAttributes(request) },
        parent,
      );
      if (request.status >= 500) server.setStatus({ code: SpanStatusCode.ERROR });
      const inside = trace.setSpan(parent, server);
      const last = request.attempts.length - 1;
      for (const [index, attempt] of request.attempts.entries()) {
        const attributes = attemptAttributes(request, attempt, index === last);
        const name = request.model === '' ? 'chat' : `chat ${request.model}`;
        const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, startTime: timeOf(attempt.startedAt), attributes }, inside);
        if (attempt.failure !== null) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end(timeOf(attempt.startedAt + attempt.durationMs));
      }
      const endedAt = timeOf(request.startedAt + request.durationMs);
      if (request.event !== null) {
        const name = `CloudEvents Create ${request.event.type}`;
        tracer
          .startSpan(name, { kind: SpanKind.PRODUCER, startTime: endedAt, attributes: eventAttributes(request.event) }, inside)
          .end(endedAt);
      }
      server.end(endedAt);
    },
    async close() {
      const sent = provider.shutdown().then(
        () => true,
        () => false,
      );
      if (!(await Promise.race([sent, passed(CLOSE_MS)]))) options.logger.warn('the last traces could not be sent');
    },
  };
}

/** Without a trace of the client's, the trace's id is the request's: `x-request-id` and `correlationid` lead to it. */
function createIdGenerator() {
  let next: string | null = null;
  return {
    nextTrace(id: string): void {
      next = /^[0-9a-f]{32}$/.test(id) ? id : null;
    },
    generateTraceId: (): string => next ?? randomBytes(16).toString('hex'),
    generateSpanId: (): string => randomBytes(8).toString('hex'),
  };
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;
const MOST_TRACESTATE = 512;

function remoteParent({ traceparent, tracestate }: TracedRequest): SpanContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  const state = tracestate !== undefined && tracestate.length <= MOST_TRACESTATE ? createTraceState(tracestate) : undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true, ...(state && { traceState: state }) };
}

function serverAttributes(request: TracedRequest) {
  return {
    'http.request.method': 'POST',
    'http.route': request.route,
    'url.path': request.route,
    'http.response.status_code': request.status,
    'kirogate.request.id': request.requestId,
    'kirogate.request.stream': request.stream,
    ...(request.model !== '' && { 'gen_ai.request.model': request.model }),
    ...(request.error !== null && { 'error.type': request.error }),
    ...(request.firstOutputMs !== null && { 'gen_ai.server.time_to_first_token': request.firstOutputMs / 1000 }),
  };
}

function attemptAttributes(request: TracedRequest, attempt: TracedAttempt, isLast: boolean) {
  return {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': attempt.provider,
    'gen_ai.request.model': request.model,
    'kirogate.attempt.id': attempt.attemptId,
    'kirogate.token.id': attempt.tokenId,
    ...(request.maxTokens !== null && { 'gen_ai.request.max_tokens': request.maxTokens }),
    ...(attempt.status !== null && { 'http.response.status_code': attempt.status }),
    ...(attempt.failure !== null && { 'error.type': attempt.failure }),
    ...(isLast &&
      request.usage !== null && {
        'gen_ai.usage.input_tokens': request.usage.inputTokens,
        'gen_ai.usage.output_tokens': request.usage.outputTokens,
      }),
  };
}

function eventAttributes(event: NonNullable<TracedRequest['event']>) {
  return {
    'cloudevents.event_id': event.id,
    'cloudevents.event_source': event.source,
    'cloudevents.event_spec_version': '1.0',
    'cloudevents.event_type': event.type,
    'cloudevents.event_subject': event.subject,
  };
}

/** Says once that the collector takes nothing, and once that it does again. */
function reporting(exporter: OTLPTraceExporter, logger: TracerOptions['logger']): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.code !== 0;
        if (failed && !failing) logger.warn({ err: result.error }, 'traces cannot be sent and are dropped');
        if (!failed && failing) logger.info('traces are sent again');
        failing = failed;
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}

const urlOf = (endpoint: string): string => `${endpoint.replace(/\/+$/, '')}/v1/traces`;

function headersOf(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('='));
  return Object.fromEntries(
    pairs.flatMap(([name = '', ...value]) => (name.trim() === '' ? [] : [[name.trim(), decodeURIComponent(value.join('=').trim())]])),
  );
}

/** Seconds and nanoseconds: a bare number would be read as a time since the process began where it is small. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

function passed(ms: number): Promise<false> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), ms).unref();
  });
}
