/** A reply as one chat completion, from the same ordered blocks as the stream. */
import type { ModelEvent, StopReason } from '../../../upstreams/define.js';
import type { RenderContext } from '../define.js';
import { createBlocks } from '../shared/blocks.js';
import { createTally } from '../shared/tally.js';
import { chatUsage, completionId, finishReason } from './wire.js';

interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; arguments: string };
}

export function chatWhole(context: RenderContext, events: readonly ModelEvent[]): unknown {
  const tally = createTally(context);
  const reply = collect(events, tally);
  const message = {
    role: 'assistant',
    content: reply.content === '' && reply.calls.length > 0 ? null : reply.content,
    refusal: null,
    ...(reply.reasoning === '' ? {} : { reasoning_content: reply.reasoning }),
    ...(reply.calls.length === 0 ? {} : { tool_calls: reply.calls }),
  };
  return {
    id: completionId(context),
    object: 'chat.completion',
    created: context.createdAt,
    model: context.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(reply.reason) }],
    usage: chatUsage(tally),
  };
}

interface Collected {
  content: string;
  reasoning: string;
  readonly calls: ToolCall[];
  reason: StopReason;
}

function collect(events: readonly ModelEvent[], tally: ReturnType<typeof createTally>): Collected {
  const reply: Collected = { content: '', reasoning: '', calls: [], reason: 'end_turn' };
  const ignore = (): void => {};
  const blocks = createBlocks(
    {
      openText: ignore,
      openThinking: ignore,
      openTool: (id, name) => reply.calls.push({ id, type: 'function', function: { name, arguments: '' } }),
      text: (text) => {
        reply.content += text;
      },
      thinking: (text) => {
        reply.reasoning += text;
      },
      input(json) {
        const call = reply.calls.at(-1);
        if (call) call.function.arguments += json;
      },
      redacted: ignore,
      closeText: ignore,
      closeThinking: ignore,
      closeTool: ignore,
    },
    { holdLateThinking: false },
  );
  for (const event of events) {
    tally.event(event);
    if (event.type === 'stop') reply.reason = event.reason;
    else blocks.event(event);
  }
  blocks.finish();
  return reply;
}
