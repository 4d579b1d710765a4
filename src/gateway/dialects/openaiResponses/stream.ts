/** A reply as events of the Responses API, each with its sequence number. Deltas are spliced between prepared halves: one JSON.stringify per piece. */
import type { AppError } from '../../../errors.js';
import type { ModelEvent, StopReason } from '../../../upstreams/define.js';
import type { RenderContext, StreamRenderer } from '../define.js';
import { type Blocks, createBlocks } from '../shared/blocks.js';
import { namedFrame } from '../shared/sse.js';
import { createTally, type Tally } from '../shared/tally.js';
import { errorMembers } from './error.js';
import { createItems, type Items } from './items.js';
import { endedResponse, incompleteReason, responseObject } from './wire.js';
import type { ItemEvents } from './writer.js';

export function responsesStream(context: RenderContext): StreamRenderer {
  const tally = createTally(context);
  const frames = createFrames();
  const items = createItems(context, frames);
  const blocks = createBlocks(items.sink, { holdLateThinking: false });
  let reason: StopReason = 'end_turn';
  let ended = false;
  return {
    start() {
      // Both say the same, and it may be long.
      const response = JSON.stringify(responseObject(context, state('in_progress', items)));
      frames.text('response.created', `"response":${response}`);
      frames.text('response.in_progress', `"response":${response}`);
      return frames.take();
    },
    event(event) {
      tally.event(event);
      if (event.type === 'stop') reason = stop(event, items, blocks);
      else blocks.event(event);
      return frames.take();
    },
    keepAlive: () => ': keep-alive\n\n',
    fail(error) {
      if (ended) return '';
      ended = true;
      items.cut();
      blocks.finish();
      failed(error, context, items, frames);
      return frames.take();
    },
    end() {
      if (ended) return '';
      ended = true;
      blocks.finish();
      return last(context, items, reason, tally, frames);
    },
  };
}

function stop(event: ModelEvent & { type: 'stop' }, items: Items, blocks: Blocks): StopReason {
  if (incompleteReason(event.reason) !== null) items.cut();
  blocks.finish();
  return event.reason;
}

function last(context: RenderContext, items: Items, reason: StopReason, tally: Tally, frames: Frames): string {
  const type = incompleteReason(reason) === null ? 'response.completed' : 'response.incomplete';
  frames.event(type, { response: endedResponse(context, items.output, reason, tally) });
  return frames.take();
}

/**
 * `error` stops the official SDKs, with its members as documented and under `error` as they are sent in fact;
 * `response.failed` is what Codex waits for.
 */
function failed(error: AppError, context: RenderContext, items: Items, frames: Frames): void {
  const members = errorMembers(error);
  const { code, message, param } = members;
  frames.event('error', { code, message, param, error: members });
  frames.event('response.failed', { response: responseObject(context, { ...state('failed', items), error: { code, message } }) });
}

const state = (status: 'in_progress' | 'failed', items: Items) => ({
  status,
  output: items.output,
  error: null,
  usage: null,
  incompleteReason: null,
});

interface Frames extends ItemEvents {
  /** `members`: JSON members without braces. */
  text(type: string, members: string): void;
  /** What was written since the last time. */
  take(): string;
}

function createFrames(): Frames {
  let out = '';
  let sequence = 0;
  const text = (type: string, members: string): void => {
    out += namedFrame(type, `{"type":"${type}","sequence_number":${sequence++},${members}}`);
  };
  return {
    text,
    event: (type, members) => text(type, JSON.stringify(members).slice(1, -1)),
    deltas(type, members) {
      const head = `event: ${type}\ndata: {"type":"${type}",${JSON.stringify(members).slice(1, -1)},"sequence_number":`;
      return (delta) => {
        out += `${head}${sequence++},"delta":${JSON.stringify(delta)}}\n\n`;
      };
    },
    take() {
      const written = out;
      out = '';
      return written;
    },
  };
}
