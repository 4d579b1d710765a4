/** A reply as Anthropic stream events. Text is spliced between prepared frame halves: one JSON.stringify per piece. */
import type { AppError } from '../../../errors.js';
import type { RenderContext, StreamRenderer } from '../define.js';
import { type BlockSink, createBlocks } from '../shared/blocks.js';
import { namedFrame } from '../shared/sse.js';
import { createTally, type Tally } from '../shared/tally.js';
import { messagesErrorBody } from './error.js';
import { messageId, messageUsage, stopReason } from './wire.js';

const PING = namedFrame('ping', '{"type":"ping"}');
const STOP = namedFrame('message_stop', '{"type":"message_stop"}');

export function messagesStream(context: RenderContext): StreamRenderer {
  const tally = createTally(context);
  let out = '';
  let index = -1;
  let deltaHead = '';
  let ended = false;

  const open = (block: string): void => {
    index++;
    deltaHead = `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"`;
    out += namedFrame('content_block_start', `{"type":"content_block_start","index":${index},"content_block":${block}}`);
  };
  const close = (): void => {
    out += namedFrame('content_block_stop', `{"type":"content_block_stop","index":${index}}`);
  };
  const delta = (type: string, member: string, text: string): void => {
    out += `${deltaHead}${type}","${member}":${JSON.stringify(text)}}}\n\n`;
  };
  const sink: BlockSink = {
    openText: () => open('{"type":"text","text":""}'),
    openThinking: () => open('{"type":"thinking","thinking":"","signature":""}'),
    openTool: (id, name) => open(JSON.stringify({ type: 'tool_use', id, name, input: {} })),
    text: (text) => delta('text_delta', 'text', text),
    thinking: (text) => delta('thinking_delta', 'thinking', text),
    input: (json) => delta('input_json_delta', 'partial_json', json),
    redacted(data) {
      open(JSON.stringify({ type: 'redacted_thinking', data }));
      close();
    },
    closeText: close,
    // One delta with the joined signature: clients assign it, they do not append.
    closeThinking(signature) {
      if (signature !== '') delta('signature_delta', 'signature', signature);
      close();
    },
    closeTool: close,
  };
  const blocks = createBlocks(sink, { holdLateThinking: true });
  const take = (): string => {
    const text = out;
    out = '';
    return text;
  };

  return {
    start: () => messageStart(context, tally),
    event(event) {
      tally.event(event);
      if (event.type !== 'stop') {
        blocks.event(event);
        return take();
      }
      blocks.finish();
      const done = { stop_reason: stopReason(event.reason), stop_sequence: event.sequence, stop_details: null };
      const usage = messageUsage(tally.usage(), tally.mark());
      out += namedFrame('message_delta', JSON.stringify({ type: 'message_delta', delta: done, usage }));
      return take();
    },
    keepAlive: () => PING,
    fail(error: AppError) {
      if (ended) return '';
      ended = true;
      return namedFrame('error', JSON.stringify(messagesErrorBody(error, context.requestId)));
    },
    end() {
      if (ended) return '';
      ended = true;
      return STOP;
    },
  };
}

/** The estimate stands here once; the final usage in `message_delta` replaces it (pitfall 47). */
function messageStart(context: RenderContext, tally: Tally): string {
  const message = {
    id: messageId(context),
    type: 'message',
    role: 'assistant',
    model: context.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: messageUsage(tally.usage(), { estimated: true, credits: null }),
  };
  return namedFrame('message_start', JSON.stringify({ type: 'message_start', message })) + PING;
}
