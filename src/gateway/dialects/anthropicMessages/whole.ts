/** A reply as one Anthropic message, from the same ordered blocks as the stream. */
import type { ModelEvent } from '../../../upstreams/define.js';
import type { RenderContext } from '../define.js';
import { type BlockSink, createBlocks } from '../shared/blocks.js';
import { partialJson } from '../shared/partialJson.js';
import { createTally } from '../shared/tally.js';
import { messageId, messageUsage, stopReason } from './wire.js';

export function messagesWhole(context: RenderContext, events: readonly ModelEvent[]): unknown {
  const tally = createTally(context);
  const content: unknown[] = [];
  const blocks = createBlocks(contentSink(content), { holdLateThinking: true });
  let reason: string = 'end_turn';
  let sequence: string | null = null;
  for (const event of events) {
    tally.event(event);
    if (event.type === 'stop') {
      reason = stopReason(event.reason);
      sequence = event.sequence;
    } else blocks.event(event);
  }
  blocks.finish();
  return {
    id: messageId(context),
    type: 'message',
    role: 'assistant',
    model: context.model,
    content,
    stop_reason: reason,
    stop_sequence: sequence,
    stop_details: null,
    usage: messageUsage(tally.usage(), tally.mark()),
  };
}

/** Adds each block when it closes. */
function contentSink(content: unknown[]): BlockSink {
  let text = '';
  let tool = { id: '', name: '' };
  const begin = (): void => {
    text = '';
  };
  const append = (piece: string): void => {
    text += piece;
  };
  return {
    openText: begin,
    openThinking: begin,
    openTool(id, name) {
      begin();
      tool = { id, name };
    },
    text: append,
    thinking: append,
    input: append,
    redacted: (data) => content.push({ type: 'redacted_thinking', data }),
    closeText: () => content.push({ type: 'text', text }),
    closeThinking: (signature) => content.push({ type: 'thinking', thinking: text, signature }),
    closeTool: () => content.push({ type: 'tool_use', ...tool, input: partialJson(text) }),
  };
}
