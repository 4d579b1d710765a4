/**
 * The internal form between client dialects and upstreams, and what an upstream is.
 * A dialect parses a client's request into `ModelRequest` and renders `ModelEvent`s; an upstream does the reverse.
 */

// ---- request ----

export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}
export interface ImagePart {
  readonly type: 'image';
  /** As the client said; upstreams sniff the bytes. */
  readonly mediaType: string;
  /** Base64 without a `data:` prefix. */
  readonly data: string;
}
export interface ToolUsePart {
  readonly type: 'tool_use';
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}
export interface ToolResultPart {
  readonly type: 'tool_result';
  readonly toolUseId: string;
  readonly isError: boolean;
  readonly content: readonly (TextPart | ImagePart)[];
}
export interface ThinkingPart {
  readonly type: 'thinking';
  readonly text: string;
  readonly signature: string | null;
}
export interface RedactedThinkingPart {
  readonly type: 'redacted_thinking';
  readonly data: string;
}
export type MessagePart = TextPart | ImagePart | ToolUsePart | ToolResultPart | ThinkingPart | RedactedThinkingPart;

/** Consecutive messages of one role and empty ones may occur; upstreams repair (kiro-protocol C1). */
export interface Message {
  readonly role: 'user' | 'assistant';
  readonly parts: readonly MessagePart[];
  /** Where it stood in the client's list, for error messages. */
  readonly index: number;
}

export interface Tool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema as the client sent it. */
  readonly inputSchema: unknown;
}

export type ToolChoice = { readonly type: 'auto' | 'none' | 'any' } | { readonly type: 'tool'; readonly name: string };

export type Effort = 'none' | 'low' | 'medium' | 'high' | 'xhigh' | 'max';

export interface ModelRequest {
  /** As the client named it. */
  readonly model: string;
  readonly system: readonly TextPart[];
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice;
  /** At most one tool call in the reply (`parallel_tool_calls: false`, `disable_parallel_tool_use`). Enforced by the gateway as well. */
  readonly singleTool?: boolean;
  /** null: the model's own limit. Enforced by the gateway as well. */
  readonly maxTokens: number | null;
  /** Stop sequences, enforced by the gateway as well. */
  readonly stop: readonly string[];
  readonly temperature: number | null;
  readonly topP: number | null;
  /** null: the client said nothing of thinking. */
  readonly thinking: { readonly enabled: boolean; readonly effort: Effort | null; readonly budgetTokens: number | null } | null;
  /** The client's conversation, if it names one or one can be derived; not yet namespaced by key. */
  readonly conversation: string | null;
}

// ---- stream ----

export type StopReason = 'end_turn' | 'stop_sequence' | 'tool_use' | 'max_tokens' | 'context_window' | 'refusal';

export interface Usage {
  /** All input, what came from or went into the upstream's cache included. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  /** true: our estimate; false: metered by the upstream. */
  readonly estimated: boolean;
}

/**
 * What an upstream yields. Tool input comes as JSON text pieces whose concatenation is one JSON object.
 * Tool calls may interleave; `id` tells them apart. A call without its `tool_end` was cut by the output limit
 * and is not whole JSON. Errors are thrown as `UpstreamFailure`.
 */
export type ModelEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'thinking'; readonly text: string }
  | { readonly type: 'thinking_signature'; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string }
  | { readonly type: 'tool_start'; readonly id: string; readonly name: string }
  | { readonly type: 'tool_input'; readonly id: string; readonly json: string }
  | { readonly type: 'tool_end'; readonly id: string }
  | { readonly type: 'usage'; readonly usage: Usage }
  /** Metered credits in millionths. */
  | { readonly type: 'metering'; readonly microCredits: number }
  /** Last event of a whole reply. `sequence`: the stop sequence that was met. */
  | { readonly type: 'stop'; readonly reason: StopReason; readonly sequence: string | null };

/** What came together, in order; never empty. One promise for all of it: an event at a time cost a third of a request. */
export type ModelEvents = readonly ModelEvent[];

/** True for the events that are model output: after the first of them no retry is possible. */
export function isOutput(event: ModelEvent): boolean {
  return event.type !== 'usage' && event.type !== 'metering' && event.type !== 'stop';
}

// ---- failures ----

/** kiro-protocol B9, upstream-neutral. */
export type FailureKind =
  /** The client's request is at fault; no retry, no penalty. */
  | 'client'
  /** Over the model's window. */
  | 'context_overflow'
  /** This credential may not use this model; another may. */
  | 'model_unsupported'
  /** The access token was refused; refresh once, then another token. */
  | 'auth'
  /** Wrong region or profile: configuration of this credential, not a ban. */
  | 'routing'
  /** The upstream locked the account. Ends only by an admin. */
  | 'suspended'
  /** The refresh token or key is dead for good. */
  | 'invalid_credential'
  | 'credits'
  | 'risk'
  | 'capacity'
  /** 5xx. */
  | 'transient'
  | 'network'
  | 'timeout'
  /** A reply that breaks the protocol, a cut stream. */
  | 'protocol'
  /** A reply with nothing in it. */
  | 'empty'
  /** The token was taken out of service between its choice and the call; nothing was sent. */
  | 'withdrawn'
  /** Our side ended it: the client left or the node stops. */
  | 'aborted';

export interface FailureDetail {
  readonly kind: FailureKind;
  /** The upstream's words, cleaned of secrets, at most 500 characters. Public. */
  readonly message: string;
  /** The upstream's HTTP status, if it got that far. */
  readonly status?: number;
  /** The upstream's own code, for example `MONTHLY_REQUEST_COUNT`. */
  readonly reason?: string;
  readonly retryAfterMs?: number;
  /** When credits come back, ms since epoch. */
  readonly resetAt?: number;
  /** Path of the client's field at fault, where known. */
  readonly param?: string;
  /** The adapter knows how to send it better on the same credential: worth one more attempt there, with the same `lessons`. */
  readonly retry?: 'same_token';
  readonly cause?: unknown;
}

export class UpstreamFailure extends Error {
  readonly kind: FailureKind;
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly resetAt: number | undefined;
  readonly param: string | undefined;
  readonly retry: 'same_token' | undefined;

  constructor(detail: FailureDetail) {
    super(detail.message, { cause: detail.cause });
    this.name = 'UpstreamFailure';
    this.kind = detail.kind;
    this.status = detail.status;
    this.reason = detail.reason;
    this.retryAfterMs = detail.retryAfterMs;
    this.resetAt = detail.resetAt;
    this.param = detail.param;
    this.retry = detail.retry;
  }
}

// ---- upstream ----

/** What the vault keeps of one credential, as one JSON object; only its upstream looks inside. */
export type CredentialSecret = Readonly<Record<string, unknown>>;

/** What a donation is checked into. */
export interface ParsedCredential {
  readonly authType: string;
  readonly secret: CredentialSecret;
  /** SHA-256 hex of what makes the credential unique (refresh token or API key). */
  readonly fingerprint: string;
  /** Public facts for the read model, for example the region. */
  readonly region: string | null;
}

export interface AccessToken {
  readonly value: string;
  /** ms since epoch; null: does not expire. */
  readonly expiresAt: number | null;
  /** Routing facts that came with it, for example the profile ARN. */
  readonly facts: Readonly<Record<string, string>>;
}

export interface RefreshedCredential {
  /** The whole secret to store from now on, rotation included. Must be stored before `access` is used. */
  readonly secret: CredentialSecret;
  readonly access: AccessToken;
}

export interface CredentialCheck {
  readonly plan: string | null;
  readonly creditsUsed: number | null;
  readonly creditsLimit: number | null;
  /** ms since epoch */
  readonly resetAt: number | null;
  readonly email: string | null;
}

export interface ModelInfo {
  /** The upstream's id. */
  readonly id: string;
  /** Name for lists. */
  readonly displayName: string;
  readonly contextWindow: number;
  readonly maxOutputTokens: number | null;
  /** ms since epoch, for the lists' `created`. */
  readonly createdAt: number;
  /** More names of the same model that lists show beside the id, for clients that filter by name. */
  readonly aliases?: readonly string[];
}

export interface GenerateCall {
  readonly request: ModelRequest;
  /** The model in the upstream's own naming, from `resolveModel`. */
  readonly model: string;
  readonly authType: string;
  readonly secret: CredentialSecret;
  readonly access: AccessToken;
  /** Ours; stable over the attempts of one request. */
  readonly requestId: string;
  readonly attempt: number;
  /** Aborting it must end the upstream's socket at once. */
  readonly signal: AbortSignal;
  /** Called once, when response headers are in, whatever their status. */
  readonly onHeaders: () => void;
  /**
   * What earlier attempts of this request taught its adapters, in words of their own. The same set for all attempts of
   * one request; nobody else reads it.
   */
  readonly lessons: Set<string>;
}

/** One kind of upstream. Adding one is one folder with this form filled in, and a line in `index.ts`. */
export interface Upstream {
  readonly provider: string;
  /** Throws AppError `invalid_request` with `param` when the donation is not well-formed. */
  parseCredential(input: Readonly<Record<string, unknown>>): ParsedCredential;
  /** The upstream's id for a client's model name, or null when it is not well-formed or not this upstream's. Ids it may know are passed on. */
  resolveModel(name: string): { readonly id: string; readonly known: boolean; readonly contextWindow: number } | null;
  /** The static list; the live one arrives with `listModels`. */
  readonly models: readonly ModelInfo[];
  /** Does the access token need a refresh (10 min or less left)? */
  needsRefresh(access: AccessToken | undefined, nowMs: number): boolean;
  /** Throws UpstreamFailure: `invalid_credential` is permanent, everything else temporary. */
  refresh(authType: string, secret: CredentialSecret, signal: AbortSignal): Promise<RefreshedCredential>;
  /**
   * Sends the request at most once and streams the reply, each piece as soon as it is here. Reads from the upstream only
   * as fast as it is iterated. Throws UpstreamFailure.
   */
  generate(call: GenerateCall): AsyncIterable<ModelEvents>;
  /** Reads plan and limits; never spends a completion. Throws UpstreamFailure. */
  check(authType: string, secret: CredentialSecret, access: AccessToken, signal: AbortSignal): Promise<CredentialCheck>;
  close(): Promise<void>;
}
