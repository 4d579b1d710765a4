/** Reads what a frame carries: an event's JSON, or the failure that an exception or error frame tells of (kiro-protocol B7). */
import { isUtf8 } from 'node:buffer';
import { UpstreamFailure } from '../define.js';
import { readRefusal, refusalFailure, shortType } from './failures.js';
import type { Frame } from './frames.js';

export type Payload = Readonly<Record<string, unknown>>;

export interface EventPayload {
  readonly payload: Payload;
  /** The bytes were not UTF-8: strings hold one byte per character, because a character was cut between two events. */
  readonly raw: boolean;
}

/** Throws UpstreamFailure `protocol` for what is not JSON. */
export function readPayload(bytes: Buffer): EventPayload {
  if (bytes.length === 0) return { payload: {}, raw: false };
  try {
    let json = bytes.toString('utf8');
    // The replacement character may be the model's own; only bytes that are not UTF-8 make a payload raw.
    const raw = json.includes('\ufffd') && !isUtf8(bytes);
    if (raw) json = bytes.toString('latin1');
    const value: unknown = JSON.parse(json);
    return { payload: typeof value === 'object' && value !== null ? (value as Payload) : {}, raw };
  } catch (error) {
    throw new UpstreamFailure({ kind: 'protocol', message: 'The upstream sent an event that is not JSON.', cause: error });
  }
}

/** An event without `:event-type` shows by its members what it is; its text must not get lost. */
export function guessType(payload: Payload): string {
  if (typeof payload.toolUseId === 'string') return 'toolUseEvent';
  return typeof payload.content === 'string' ? 'assistantResponseEvent' : '';
}

/** Exception frames carry JSON, error frames carry everything in headers. `over_length`: the reply was cut by its limit, which is no failure. */
export function readException(frame: Frame, secrets: readonly string[]): UpstreamFailure | 'over_length' {
  const type = shortType(frame.headers[':exception-type'] ?? frame.headers[':error-code'] ?? '');
  const refusal = readRefusal(undefined, frame.payload.toString('utf8'), {}, 0);
  const reason = refusal.reason ?? (type === '' ? null : type);
  if (/^ContentLengthExceeded/i.test(type) || /^ContentLengthExceeded/i.test(reason ?? '')) return 'over_length';
  const message = frame.headers[':error-message'] ?? (refusal.message || type);
  const detail = reason !== null && reason !== type ? ` (${reason})` : '';
  // The type stands for the status that an exception inside a stream does not have; the reason's words count as well.
  return refusalFailure({ reason: type === '' ? reason : type, message: `${message}${detail}` }, secrets);
}
