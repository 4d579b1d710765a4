/** At start: closes what an earlier run began and could not end, then seeds the limits from the read models. */
import type { Logger } from 'pino';
import type { NewEvent } from '../events/define.js';
import type { EventLog } from '../events/log/port.js';
import type { Limits, OpenRecord } from '../limits/port.js';
import type { Clock } from '../shared/clock.js';
import { safeText } from '../shared/safeText.js';

export interface RecoverDeps {
  readonly limits: Limits;
  readonly log: EventLog;
  /** Resolves when everything appended so far is archived. */
  readonly archived: () => Promise<void>;
  readonly restore: () => Promise<Parameters<Limits['restore']>[0]>;
  /** Told of the requests that were ended, once the limits know what they used. */
  readonly ended?: (records: readonly OpenRecord[]) => Promise<void>;
  readonly clock: Clock;
  readonly nodeId: string;
  readonly logger: Logger;
}

/**
 * Every open record gets its terminal event under the id minted at admission: if the dead run's own terminal
 * event reached the log, the archive drops ours, so there is exactly one. Quotas are read after that.
 */
export async function recover(deps: RecoverDeps): Promise<void> {
  // What the dead run had logged goes first: in one batch with ours the partitions' order would decide.
  await deps.archived();
  const records = await deps.limits.abandoned();
  for (const record of records) await deps.log.append(abandonedEvent(record, deps));
  await deps.archived();
  // The read models know every charge by now, and also what the dead run had given back: they alone say what was used.
  for (const record of records) await deps.limits.finish({ requestId: record.requestId, quota: 'return' });
  await deps.limits.restore(await deps.restore());
  await deps.ended?.(records);
  if (records.length > 0) deps.logger.warn({ requests: records.length }, 'requests of an earlier run were closed as abandoned');
}

/** The end of a request whose node died, under the event id minted at its admission. */
export function abandonedEvent(record: OpenRecord, deps: Pick<RecoverDeps, 'clock' | 'nodeId'>): NewEvent {
  const now = deps.clock.now();
  return {
    id: record.terminalEventId,
    type: 'kirogate.request.abandoned',
    source: `/kirogate/nodes/${deps.nodeId}`,
    subject: `request/${record.requestId}`,
    time: now,
    dataversion: 1,
    partitionkey: record.userId,
    actor: 'system',
    correlationid: record.requestId,
    causationid: null,
    data: {
      requestId: record.requestId,
      userId: record.userId,
      keyId: record.keyId,
      endpoint: record.facts.endpoint,
      model: safeText(record.facts.model, 200),
      stream: record.facts.stream,
      status: 500,
      startedAt: record.facts.startedAt,
      latencyUs: Math.max(0, now - record.facts.startedAt) * 1000,
      period: record.period,
      charged: true,
      metered: record.metered,
      tokenId: record.tokenId,
      attemptId: record.attemptId,
      attempt: record.attempt,
    },
  };
}
