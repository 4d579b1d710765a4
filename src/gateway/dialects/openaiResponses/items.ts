/** A reply's blocks as output items, with the events that open, fill and close each of them. Streams and whole responses both come out of it. */
import type { RenderContext } from '../define.js';
import type { BlockSink } from '../shared/blocks.js';
import { toolBlocks } from './calls.js';
import { replyOptions } from './reply.js';
import { sealHidden, sealSignature } from './sealed.js';
import { createWriter, type ItemEvents, type ItemRef, type OutputItem, type Writer } from './writer.js';

export interface Items {
  readonly sink: BlockSink;
  /** Items so far; an open one stands in it as it was opened. */
  readonly output: readonly OutputItem[];
  /** What is closed from here on was cut. */
  cut(): void;
}

export function createItems(context: RenderContext, events: ItemEvents): Items {
  const { forms, sealed } = replyOptions(context);
  const writer = createWriter(context, events);
  const message = messageBlocks(writer, events);
  const reasoning = reasoningBlocks(writer, events, sealed);
  const tools = toolBlocks(writer, events, (name) => forms.get(name));
  return { sink: { ...message, ...reasoning, ...tools }, output: writer.output, cut: writer.cut };
}

function messageBlocks(writer: Writer, events: ItemEvents): Pick<BlockSink, 'openText' | 'text' | 'closeText'> {
  const part = (text: string): OutputItem => ({ type: 'output_text', annotations: [], logprobs: [], text });
  const item = (content: readonly OutputItem[]): OutputItem => ({ type: 'message', role: 'assistant', content });
  let place: ItemRef & { readonly content_index: number };
  let text = '';
  let write: (delta: string) => void;
  return {
    openText() {
      place = { ...writer.open('msg', item([])), content_index: 0 };
      text = '';
      events.event('response.content_part.added', { ...place, part: part('') });
      write = events.deltas('response.output_text.delta', { ...place, logprobs: [] });
    },
    text(piece) {
      text += piece;
      write(piece);
    },
    closeText() {
      events.event('response.output_text.done', { ...place, text, logprobs: [] });
      events.event('response.content_part.done', { ...place, part: part(text) });
      writer.close(item([part(text)]));
    },
  };
}

/** Thinking comes as the summary: its text is what clients show, and the one form in which they send it back. */
function reasoningBlocks(
  writer: Writer,
  events: ItemEvents,
  sealed: boolean,
): Pick<BlockSink, 'openThinking' | 'thinking' | 'closeThinking' | 'redacted'> {
  const part = (text: string): OutputItem => ({ type: 'summary_text', text });
  const item = (text: string, seal: string): OutputItem => ({
    type: 'reasoning',
    summary: text === '' ? [] : [part(text)],
    ...(seal === '' || !sealed ? {} : { encrypted_content: seal }),
  });
  let place: ItemRef & { readonly summary_index: number };
  let text = '';
  let write: (delta: string) => void;
  return {
    openThinking() {
      place = { ...writer.open('rs', item('', '')), summary_index: 0 };
      text = '';
    },
    thinking(piece) {
      if (text === '') {
        events.event('response.reasoning_summary_part.added', { ...place, part: part('') });
        write = events.deltas('response.reasoning_summary_text.delta', { ...place });
      }
      text += piece;
      write(piece);
    },
    closeThinking(signature) {
      if (text !== '') {
        events.event('response.reasoning_summary_text.done', { ...place, text });
        events.event('response.reasoning_summary_part.done', { ...place, part: part(text) });
      }
      writer.close(item(text, signature === '' ? '' : sealSignature(signature)));
    },
    // Nothing of it is to be read: without the seal it would be an empty item.
    redacted(data) {
      if (!sealed) return;
      writer.open('rs', item('', ''));
      writer.close(item('', sealHidden(data)));
    },
  };
}
