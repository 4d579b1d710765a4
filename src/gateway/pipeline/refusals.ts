/**
 * Counts what was refused before admission: the first per key and reason is an event at once, the rest
 * one event a minute with its count, so that a flood cannot fill the archive (contract §7).
 */
import { createHmac } from 'node:crypto';
import type { GatewayDeps } from '../deps.js';
import { trafficEvent } from './events.js';
import { createTeller } from './teller.js';

export interface RefusedRequest {
  readonly requestId: string;
  /** null: the key was not known; then `address` names the subject. */
  readonly caller: { readonly userId: string; readonly keyId: string } | null;
  readonly address: string;
  readonly endpoint: string;
  readonly model: string;
  readonly stream: boolean;
  readonly status: number;
  readonly code: string;
  readonly startedAt: number;
  readonly latencyUs: number;
}

export interface Refusals {
  record(refused: RefusedRequest): void;
  /** Emits what is pending; resolves when the log has it, or refuses it once more. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

type Named = RefusedRequest & { readonly subject: string };

interface Pending {
  last: Named;
  count: number;
  latencyUs: number;
  since: number;
}

const WINDOW_MS = 60_000;
/** Distinct (subject, reason, endpoint, model) counted at once; beyond, the oldest is emitted and dropped. */
const MAX_PENDING = 10_000;
/** Unknown addresses told apart at once; beyond, they share one subject, so that a flood from everywhere is a few events. */
const MAX_ADDRESSES = 1_000;
const OTHER_ADDRESSES = 'ip/other';
/** Distinct model names per subject and reason in a window; more are counted under one name. */
const MAX_MODELS = 8;
export const OTHER_MODELS = '(other)';

type Deps = Pick<GatewayDeps, 'log' | 'ids' | 'clock' | 'nodeId' | 'logger' | 'addressSalt'>;

export function createRefusals(deps: Deps): Refusals {
  const pending = new Map<string, Pending>();
  const models = new Map<string, Set<string>>();
  const addresses = new Set<string>();
  const teller = createTeller(deps);

  function emit(refused: Named, count: number, latencyUs: number): void {
    const { subject } = refused;
    const event = trafficEvent(
      {
        type: 'kirogate.request.refused',
        subject,
        key: refused.caller?.userId ?? subject,
        actor: refused.caller ? `key/${refused.caller.keyId}` : 'system',
        correlationId: refused.requestId,
        data: {
          requestId: refused.requestId,
          userId: refused.caller?.userId ?? '',
          keyId: refused.caller?.keyId ?? '',
          endpoint: refused.endpoint,
          model: refused.model,
          stream: refused.stream,
          status: refused.status,
          startedAt: refused.startedAt,
          latencyUs,
          code: refused.code,
          count,
        },
      },
      deps,
    );
    teller.tell(event);
  }

  function emitPending(entry: Pending): void {
    if (entry.count > 0) emit(entry.last, entry.count, entry.latencyUs);
  }

  /** Closes windows that are over; with `all`, every one. A window without a second refusal ends silently. */
  function sweep(all: boolean): void {
    const now = deps.clock.monotonic();
    // What the log did not take comes first; until then the windows go on counting, so that an outage is no pile of events.
    if (!all && teller.refused > 0) return teller.again();
    for (const [key, entry] of pending) {
      if (!all && now - entry.since < WINDOW_MS) break; // insertion order is age order
      pending.delete(key);
      emitPending(entry);
      if (entry.count > 0 && !all) pending.set(key, { ...entry, count: 0, latencyUs: 0, since: now });
    }
    if (pending.size > 0) return;
    models.clear();
    addresses.clear();
  }

  function boundedSubject(refused: RefusedRequest): string {
    const subject = subjectOf(refused, deps.addressSalt);
    if (refused.caller || addresses.has(subject)) return subject;
    if (addresses.size >= MAX_ADDRESSES) return OTHER_ADDRESSES;
    addresses.add(subject);
    return subject;
  }

  function boundedModel(subject: string, code: string, model: string): string {
    const key = `${subject}\n${code}`;
    const seen = models.get(key) ?? new Set();
    if (seen.has(model)) return model;
    if (seen.size >= MAX_MODELS) return OTHER_MODELS;
    if (models.size >= MAX_PENDING) models.clear();
    models.set(key, seen.add(model));
    return model;
  }

  const timer = setInterval(() => sweep(false), 1_000);
  timer.unref();

  return {
    record(request) {
      const subject = boundedSubject(request);
      const model = boundedModel(subject, request.code, request.model);
      const refused: Named = { ...request, subject, model };
      const key = [subject, refused.code, refused.endpoint, model].join('\n');
      const entry = pending.get(key);
      if (entry) {
        entry.count += 1;
        entry.latencyUs += refused.latencyUs;
        entry.last = refused;
        return;
      }
      if (pending.size >= MAX_PENDING) {
        const oldest = pending.entries().next().value;
        if (oldest) {
          pending.delete(oldest[0]);
          emitPending(oldest[1]);
        }
      }
      pending.set(key, { last: refused, count: 0, latencyUs: 0, since: deps.clock.monotonic() });
      emit(refused, 1, refused.latencyUs);
    },
    async flush() {
      sweep(true);
      await teller.finish();
    },
    async close() {
      clearInterval(timer);
      await this.flush();
    },
  };
}

/** Unknown keys are told apart by a keyed hash of the address: equal within the installation, meaningless outside. */
function subjectOf(refused: RefusedRequest, salt: string): string {
  if (refused.caller) return `key/${refused.caller.keyId}`;
  return `ip/${createHmac('sha256', salt).update(refused.address).digest('hex').slice(0, 16)}`;
}
