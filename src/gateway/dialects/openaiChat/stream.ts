/** A reply as OpenAI chat completion chunks. Text is spliced between prepared frame halves: one JSON.stringify per piece. */
import type { AppError } from '../../../errors.js';
import type { RenderContext, StreamRenderer } from '../define.js';
import { type BlockSink, createBlocks } from '../shared/blocks.js';
import { dataFrame } from '../shared/sse.js';
import { createTally } from '../shared/tally.js';
import { chatErrorBody } from './error.js';
import { chatUsage, completionId, finishReason } from './wire.js';

const DONE = dataFrame('[DONE]');

export function chatStream(context: RenderContext): StreamRenderer {
  const includeUsage = context.options.includeUsage === true;
  const tally = createTally(context);
  const envelope = `{"id":"${completionId(context)}","object":"chat.completion.chunk","created":${context.createdAt},"model":${JSON.stringify(context.model)}`;
  const usageTail = includeUsage ? ',"usage":null}' : '}';
  const head = `data: ${envelope},"choices":[{"index":0,"delta":`;
  const tail = `,"logprobs":null,"finish_reason":null}]${usageTail}\n\n`;
  let out = '';
  let toolIndex = -1;
  let ended = false;

  const delta = (json: string): void => {
    out += head + json + tail;
  };
  const ignore = (): void => {};
  const sink: BlockSink = {
    openText: ignore,
    openThinking: ignore,
    text: (text) => delta(`{"content":${JSON.stringify(text)}}`),
    thinking: (text) => delta(`{"reasoning_content":${JSON.stringify(text)}}`),
    openTool(id, name) {
      toolIndex++;
      const call = { index: toolIndex, id, type: 'function', function: { name, arguments: '' } };
      delta(`{"tool_calls":[${JSON.stringify(call)}]}`);
    },
    input: (json) => delta(`{"tool_calls":[{"index":${toolIndex},"function":{"arguments":${JSON.stringify(json)}}}]}`),
    redacted: ignore,
    closeText: ignore,
    closeThinking: ignore,
    closeTool: ignore,
  };
  const blocks = createBlocks(sink, { holdLateThinking: false });
  const take = (): string => {
    const text = out;
    out = '';
    return text;
  };

  return {
    start() {
      delta('{"role":"assistant","content":"","refusal":null}');
      return take();
    },
    event(event) {
      tally.event(event);
      if (event.type !== 'stop') {
        blocks.event(event);
        return take();
      }
      blocks.finish();
      out += `${head}{},"logprobs":null,"finish_reason":"${finishReason(event.reason)}"}]${usageTail}\n\n`;
      if (includeUsage) out += dataFrame(`${envelope},"choices":[],"usage":${JSON.stringify(chatUsage(tally))}}`);
      return take();
    },
    keepAlive: () => ': keep-alive\n\n',
    fail(error: AppError) {
      if (ended) return '';
      ended = true;
      return dataFrame(JSON.stringify(chatErrorBody(error))) + DONE;
    },
    end() {
      if (ended) return '';
      ended = true;
      return DONE;
    },
  };
}
