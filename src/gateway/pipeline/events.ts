/** Builds the traffic events of the gateway with their envelopes. */
import type { NewEvent } from '../../events/define.js';
import type { GatewayDeps } from '../deps.js';

export interface EventFacts {
  readonly type: string;
  readonly subject: string;
  /** What keeps order (contract §7: the token for token events, else the user). */
  readonly key: string;
  readonly data: unknown;
  readonly actor: string;
  readonly correlationId: string | null;
  /** Minted before, for terminal events; else now. */
  readonly id?: string;
}

/** Version 1 of every traffic type is what this build writes. */
export function trafficEvent(facts: EventFacts, deps: Pick<GatewayDeps, 'ids' | 'clock' | 'nodeId'>): NewEvent {
  return {
    id: facts.id ?? deps.ids.uuid(),
    type: facts.type,
    source: `/kirogate/nodes/${deps.nodeId}`,
    subject: facts.subject,
    time: deps.clock.now(),
    data: facts.data,
    dataversion: 1,
    partitionkey: facts.key,
    actor: facts.actor,
    correlationid: facts.correlationId,
    causationid: null,
  };
}
