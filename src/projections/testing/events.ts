/** Events for tests: the registered examples with what a test cares about put in. */
import { CONTROL_PARTITION, type NewEvent, type StoredEvent } from '../../events/define.js';
import { type EventData, type EventTypeName, eventType } from '../../events/index.js';
import { partitionOf } from '../../events/log/port.js';

/** 2026-11-23T00:00:00Z */
export const MONDAY = Date.UTC(2026, 10, 23);

let minted = 0;

/** A UUIDv7 of its own for every call; deterministic in a test run. */
export function uuid(): string {
  minted += 1;
  return `019a5e3c-0000-7000-8000-${minted.toString(16).padStart(12, '0')}`;
}

export interface EventParts<T extends EventTypeName> {
  readonly data?: Partial<EventData<T>>;
  readonly subject?: string;
  readonly key?: string;
  readonly time?: number;
  readonly actor?: string;
  readonly id?: string;
}

/** The type's example, changed in part. */
export function eventOf<T extends EventTypeName>(type: T, parts: EventParts<T> = {}): NewEvent {
  const registered = eventType(type);
  if (!registered) throw new Error(`${type} is not registered`);
  const subject = parts.subject ?? `${registered.aggregate}/1`;
  return {
    id: parts.id ?? uuid(),
    type,
    source: '/kirogate/nodes/test',
    subject,
    time: parts.time ?? MONDAY,
    data: { ...(registered.example as object), ...parts.data },
    dataversion: registered.version,
    partitionkey: parts.key ?? subject,
    actor: parts.actor ?? 'system',
    correlationid: null,
    causationid: null,
  };
}

/** Gives events places in partitions, as the archive would. */
export function placed(events: readonly NewEvent[], partitions: number): StoredEvent[] {
  const positions = new Map<string, number>();
  return events.map((event) => {
    const partition = eventType(event.type)?.origin === 'control' ? CONTROL_PARTITION : partitionOf(event.partitionkey, partitions);
    const position = (positions.get(partition) ?? 0) + 1;
    positions.set(partition, position);
    return { ...event, partition, position };
  });
}

/** A served request as one `token.used` event. */
export function used(
  parts: {
    readonly userId?: string;
    readonly keyId?: string;
    readonly tokenId?: string;
    readonly time?: number;
    readonly id?: string;
  } & Partial<EventData<'kirogate.token.used'>> = {},
): NewEvent {
  const { time = MONDAY, id, tokenId = 't1', userId = 'u1', keyId = 'k1', ...data } = parts;
  const attempt = {
    attemptId: uuid(),
    tokenId,
    provider: 'kiro',
    startedAt: time - 900,
    respondedAt: time - 500,
    durationUs: 800_000,
    outcome: 'success' as const,
    failure: null,
    status: 200,
  };
  return eventOf('kirogate.token.used', {
    subject: `token/${tokenId}`,
    key: tokenId,
    time,
    ...(id === undefined ? {} : { id }),
    data: { userId, keyId, tokenId, requestId: uuid(), attempts: [attempt], ...data },
  });
}
