/** A reply's blocks as output items, with the events that open, fill and close each of them. Streams and whole responses both come out of it. */
import type { RenderContext } from '../define.js';
import type { BlockSink } from '../shared/blocks.js';
import { isObject } from '../shared/guards.js';
import { partialJson } from '../shared/partialJson.js';
import type { ToolForm } from './names.js';
import { replyOptions } from './reply.js';
import { sealHidden, sealSignature } from './sealed.js';
import { bareId } from './wire.js';

export type OutputItem = Readonly<Record<string, unknown>>;

/** Where events go; a whole response has nobody who listens. */
export interface ItemEvents {
  event(type: string, members: Readonly<Record<string, unknown>>): void;
  /** A writer of `delta` events that differ in their text alone. */
  deltas(type: string, members: Readonly<Record<string, unknown>>): (delta: string) => void;
}

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

interface Writer {
  readonly output: OutputItem[];
  /** Adds an item; answers the members by which events name it. */
  open(prefix: string, item: OutputItem): ItemRef;
  /** Replaces the open item by what became of it. `whole`: false where it was cut although the reply was not. */
  close(item: OutputItem, whole?: boolean): void;
  cut(): void;
}

interface ItemRef {
  readonly item_id: string;
  readonly output_index: number;
}

function createWriter(context: RenderContext, events: ItemEvents): Writer {
  const output: OutputItem[] = [];
  const base = bareId(context);
  let id = '';
  let isCut = false;
  return {
    output,
    open(prefix, item) {
      id = `${prefix}_${base}${String(output.length).padStart(2, '0')}`;
      const opened = { id, ...item, status: 'in_progress' };
      const index = output.push(opened) - 1;
      events.event('response.output_item.added', { output_index: index, item: opened });
      return { item_id: id, output_index: index };
    },
    close(item, whole = true) {
      const index = output.length - 1;
      const closed = { id, ...item, status: whole && !isCut ? 'completed' : 'incomplete' };
      output[index] = closed;
      events.event('response.output_item.done', { output_index: index, item: closed });
    },
    cut() {
      isCut = true;
    },
  };
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

function toolBlocks(
  writer: Writer,
  events: ItemEvents,
  formOf: (name: string) => ToolForm | undefined,
): Pick<BlockSink, 'openTool' | 'input' | 'closeTool'> {
  let custom = false;
  let base: OutputItem = {};
  let name = '';
  let place: ItemRef;
  let input = '';
  let write: (delta: string) => void;
  return {
    openTool(id, known) {
      const form = formOf(known);
      custom = form?.kind === 'custom';
      name = form?.name ?? known;
      base = { type: custom ? 'custom_tool_call' : 'function_call', call_id: id, name };
      if (form && form.namespace !== null) base = { ...base, namespace: form.namespace };
      input = '';
      place = writer.open(custom ? 'ctc' : 'fc', { ...base, [custom ? 'input' : 'arguments']: '' });
      write = events.deltas(custom ? 'response.custom_tool_call_input.delta' : 'response.function_call_arguments.delta', { ...place });
    },
    input(json) {
      input += json;
      // The raw text of a free-form tool stands inside JSON: it is known when that is whole.
      if (!custom) write(json);
    },
    closeTool(finished) {
      if (!custom) {
        events.event('response.function_call_arguments.done', { ...place, name, arguments: input });
        return writer.close({ ...base, arguments: input }, finished);
      }
      const text = freeform(input, finished);
      if (text !== '') write(text);
      events.event('response.custom_tool_call_input.done', { ...place, input: text });
      writer.close({ ...base, input: text }, finished);
    },
  };
}

/** The raw text in a free-form call's JSON. A cut call keeps no half of it: a client may run what it gets. */
function freeform(json: string, finished: boolean): string {
  const value = partialJson(json);
  if (!isObject(value)) return finished ? json : '';
  if (typeof value.input === 'string') return value.input;
  // Models that name the one member otherwise mean the same.
  const [only, ...more] = Object.values(value);
  if (more.length === 0 && typeof only === 'string') return only;
  return finished && only !== undefined ? json : '';
}
