/** A reply as one response, from the same items as the stream. */
import type { ModelEvent, StopReason } from '../../../upstreams/define.js';
import type { RenderContext } from '../define.js';
import { createBlocks } from '../shared/blocks.js';
import { createTally } from '../shared/tally.js';
import { createItems } from './items.js';
import { endedResponse, incompleteReason } from './wire.js';
import type { ItemEvents } from './writer.js';

const ignore = (): void => {};
const nobody: ItemEvents = { event: ignore, deltas: () => ignore };

export function responsesWhole(context: RenderContext, events: readonly ModelEvent[]): unknown {
  const tally = createTally(context);
  const items = createItems(context, nobody);
  const blocks = createBlocks(items.sink, { holdLateThinking: false });
  let reason: StopReason = 'end_turn';
  for (const event of events) {
    tally.event(event);
    if (event.type === 'stop') reason = event.reason;
    else blocks.event(event);
  }
  if (incompleteReason(reason) !== null) items.cut();
  blocks.finish();
  return endedResponse(context, items.output, reason, tally);
}
