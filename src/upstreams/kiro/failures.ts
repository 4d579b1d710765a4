/** What Kiro's refusals mean: one ordered table from status, code and words to a FailureKind (kiro-protocol B9). */
import { safeText } from '../../shared/safeText.js';
import { type FailureKind, UpstreamFailure } from '../define.js';

/** A refusal as it came: over HTTP, or as an exception inside a stream (then without status). */
export interface Refusal {
  readonly status?: number | undefined;
  /** The upstream's own code: `reason`, else the exception's type without its namespace. */
  readonly reason: string | null;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

interface Rule {
  readonly kind: FailureKind;
  readonly status?: readonly number[];
  /** Against reason and message together. The message may repeat a caller's words. */
  readonly says?: RegExp;
  /** Against the upstream's own code alone, which no caller's words get into. */
  readonly code?: RegExp;
  /** Only where neither a status nor a telling type came: an exception inside a stream, an error hidden in a 200. */
  readonly statusless?: true;
}

/** The first row that fits decides. Words come before statuses, because the same fault arrives under several. */
const rules: readonly Rule[] = [
  // What takes a token out of service needs a status of its own, so that no caller's echoed words do it.
  {
    kind: 'suspended',
    status: [403, 423, 429],
    says: /temporarily_suspended|locked your account|account (?:is|has been|was) suspended|\bsuspended\b.*\baccount\b/i,
  },
  { kind: 'suspended', statusless: true, code: /^temporarily_?suspended(?:exception)?$/i },
  { kind: 'suspended', status: [423] },
  { kind: 'risk', status: [403, 429], says: /suspicious activity|unusual (?:user )?activity/i },
  { kind: 'credits', code: /^(?:monthly_request_count|overage_request_limit_exceeded|servicequotaexceeded(?:exception)?)$/i },
  {
    kind: 'credits',
    status: [402, 403, 429],
    says: /monthly_request_count|overage_request_limit_exceeded|servicequotaexceeded|reached (?:the|your) (?:monthly )?limit/i,
  },
  { kind: 'credits', status: [402] },
  { kind: 'capacity', says: /insufficient_model_capacity|high volume of traffic/i },
  { kind: 'client', says: /tool_use_result_mismatch|tool_schema_invalid|expected toolresult blocks/i },
  { kind: 'context_overflow', says: /content_length_exceeds_threshold|contentlengthexceeded|input is too long|prompt is too long/i },
  { kind: 'transient', says: /model_temporarily_unavailable/i },
  { kind: 'model_unsupported', says: /invalid_model_id|invalid model|model .{0,80}not (?:supported|available|found)/i },
  { kind: 'client', says: /thinking_signature_invalid/i },
  { kind: 'routing', says: /profilearn is required|invalid profilearn|not authorized to make this call/i },
  { kind: 'auth', status: [401, 403], says: /bearer token|expiredtoken|unrecognizedclient|security token/i },
  {
    kind: 'routing',
    status: [400, 403],
    says: /unknownoperation|unknown operation|unsupported operation|unknown endpoint|no such endpoint|wrong endpoint/i,
  },
  { kind: 'client', says: /request_body_invalid|improperly formed/i },
  { kind: 'auth', status: [401, 403] },
  { kind: 'routing', status: [404, 405] },
  { kind: 'timeout', status: [408, 524] },
  { kind: 'context_overflow', status: [413] },
  { kind: 'capacity', status: [429] },
];

/** Exceptions inside a stream carry no status; their type names one. */
const exceptionStatus: Readonly<Record<string, number>> = {
  ThrottlingException: 429,
  AccessDeniedException: 403,
  UnauthorizedException: 401,
  ValidationException: 400,
  ConflictException: 400,
  ResourceNotFoundException: 404,
  ServiceQuotaExceededException: 402,
  InternalServerException: 500,
  InternalServerError: 500,
  ServiceUnavailableException: 503,
};

/** The kind of a refusal; with neither known words nor a telling status it is `protocol`. */
export function classify(refusal: Refusal): FailureKind {
  const status = refusal.status ?? exceptionStatus[refusal.reason ?? ''];
  const words = `${refusal.reason ?? ''} ${refusal.message}`;
  for (const rule of rules) {
    if (rule.status && (status === undefined || !rule.status.includes(status))) continue;
    if (rule.statusless && status !== undefined) continue;
    if (rule.says && !rule.says.test(words)) continue;
    if (rule.code && !rule.code.test(refusal.reason ?? '')) continue;
    return rule.kind;
  }
  if (status !== undefined && status >= 500) return 'transient';
  return status !== undefined && status >= 400 ? 'client' : 'protocol';
}

/** Risk control cools for at least half an hour when it names no time of its own (B9). */
const riskCoolingMs = 30 * 60_000;

/** A refusal as the failure to throw. `secrets` are cut out of its words; `hint` follows them where the request is at fault. */
export function refusalFailure(
  refusal: Refusal,
  secrets: readonly string[],
  { hint = '', retry }: { readonly hint?: string; readonly retry?: 'same_token' } = {},
): UpstreamFailure {
  const kind = classify(refusal);
  const said = cleanMessage(refusal.message || refusal.reason || `HTTP ${refusal.status ?? 'error'}`, secrets);
  const retryAfterMs = kind === 'risk' ? Math.max(riskCoolingMs, refusal.retryAfterMs ?? 0) : refusal.retryAfterMs;
  return new UpstreamFailure({
    kind,
    message: kind === 'context_overflow' ? `prompt is too long: ${said}` : kind === 'client' && hint !== '' ? `${said} ${hint}` : said,
    ...(refusal.status === undefined ? {} : { status: refusal.status }),
    ...(refusal.reason === null ? {} : { reason: safeText(refusal.reason, 100) }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(retry && { retry }),
  });
}

/** May another row of the routing table do better? Never after an ordinary 400 (B3). */
export function routeFault(refusal: Refusal): 'profile' | 'endpoint' | null {
  if (refusal.status === 404 || refusal.status === 405) return 'endpoint';
  if (refusal.status !== 400 && refusal.status !== 403) return null;
  const words = `${refusal.reason ?? ''} ${refusal.message}`;
  if (refusal.status === 400 && /profilearn is required|invalid profilearn/i.test(words)) return 'profile';
  return /unknownoperation|unknown operation|unsupported operation|endpoint/i.test(words) ? 'endpoint' : null;
}

/** Reads an error body of any shape: `{message, reason, __type}`, AWS spellings, or plain text. */
export function readRefusal(
  status: number | undefined,
  body: string,
  headers: Readonly<Record<string, string | undefined>>,
  nowMs: number,
): Refusal {
  const retryAfterMs = parseRetryAfter(headers['retry-after'], nowMs);
  const parsed = parseObject(body);
  const text = (...names: readonly string[]): string | undefined => {
    for (const name of names) {
      const value = parsed?.[name];
      if (typeof value === 'string' && value !== '') return value;
    }
    return undefined;
  };
  const type = text('__type', 'code', 'error') ?? headers['x-amzn-errortype'];
  return {
    status,
    reason: text('reason') ?? (type === undefined ? null : shortType(type)),
    message: text('message', 'Message', 'error_description', 'errorMessage') ?? (parsed ? '' : body.trim()),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}

/** `com.amazon.aws.codewhisperer#ThrottlingException:http://…` → `ThrottlingException`. */
export function shortType(type: string): string {
  return (type.split(':', 1)[0] ?? type).split('#').at(-1) ?? type;
}

function parseObject(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds) && seconds >= 0) return Math.round(seconds * 1_000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** The upstream's words without our secrets, foreign account numbers and markup; at most 500 characters. */
export function cleanMessage(message: string, secrets: readonly string[]): string {
  let clean = message;
  for (const secret of secrets) if (secret.length >= 8) clean = clean.replaceAll(secret, '[secret]');
  clean = clean
    .replace(/<[^>]{0,500}>/g, ' ')
    .replace(/\bBearer\s+\S{16,}/gi, 'Bearer [secret]')
    .replace(/arn:aws[^\s"',)]*/g, '[arn]')
    .replace(/[A-Za-z0-9+/_=-]{40,}/g, '[…]')
    .replace(/\b\d{12}\b/g, '[account]')
    .replace(/\s+/g, ' ')
    .trim();
  return safeText(clean, 500);
}
