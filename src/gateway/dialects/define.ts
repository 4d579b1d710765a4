/** What a client dialect is: a parser into the internal form and a renderer out of it, for streams and for whole replies. */
import type { IncomingHttpHeaders } from 'node:http';
import type { AppError } from '../../errors.js';
import type { ModelEvent, ModelRequest } from '../../upstreams/define.js';

export interface ParsedCall {
  readonly request: ModelRequest;
  readonly stream: boolean;
  /** What the renderer needs to know of the client's wishes, for example `include_usage`. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface RenderContext {
  readonly requestId: string;
  /** The model as the client named it. */
  readonly model: string;
  /** Estimate made before the call; stable over the stream. */
  readonly inputTokensEstimate: number;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly options: ParsedCall['options'];
}

/** Turns one reply's events into wire text. Stateful; one per reply. */
export interface StreamRenderer {
  /** Sent with the response head, before any output; may be empty. */
  start(): string;
  event(event: ModelEvent): string;
  /** A comment or ping; safe at any place between frames. */
  keepAlive(): string;
  /** Ends the stream with an error in the dialect's own form, terminal frame included. After it, and after `end`, both answer ''. */
  fail(error: AppError): string;
  /** What follows the `stop` event, for example `data: [DONE]`. */
  end(): string;
}

export interface RenderedError {
  readonly status: number;
  readonly body: unknown;
}

export interface Dialect {
  readonly name: 'openai_chat' | 'openai_responses' | 'anthropic_messages';
  /** Path, which is also the `endpoint` label in events and metrics. */
  readonly endpoint: string;
  /** Throws AppError `invalid_request` with `param`. `body` is parsed JSON of any shape. */
  parse(body: unknown, headers: IncomingHttpHeaders): ParsedCall;
  stream(context: RenderContext): StreamRenderer;
  /** The whole reply from its collected events (the same that the stream would have rendered). */
  whole(context: RenderContext, events: readonly ModelEvent[]): unknown;
  error(error: AppError, requestId: string): RenderedError;
}
