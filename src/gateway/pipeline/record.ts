/** Appends what must not be lost: a terminal event is offered again until the log takes it or the node stops. */
import { setTimeout as wait } from 'node:timers/promises';
import type { NewEvent } from '../../events/define.js';
import type { GatewayDeps } from '../deps.js';

export interface RecordDeps extends Pick<GatewayDeps, 'log' | 'logger'> {
  /** Aborted when the node gives up what it could not record; the open record then tells of the request. */
  readonly stopped: AbortSignal;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/** Resolves when the event is in the log; rejects with the log's last refusal once the node stops. */
export async function record(event: NewEvent, deps: RecordDeps): Promise<void> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
    try {
      return await deps.log.append(event);
    } catch (error) {
      if (deps.stopped.aborted) throw error;
      if (pause === FIRST_PAUSE_MS)
        deps.logger.error(
          { err: error, type: event.type, requestId: event.correlationid },
          'the event log refuses a terminal event; trying again',
        );
      // Woken by the stop, it tries once more.
      await wait(pause, undefined, { signal: deps.stopped }).catch(() => undefined);
    }
  }
}
