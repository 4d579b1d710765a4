/**
 * Puts one reply's events into an order every client can take: one block at a time, tool calls one after the
 * other, no empty block, thinking never last behind the text. Streams and whole replies both come out of it,
 * which is why they agree (pitfalls 40, 41, 52).
 */
import type { ModelEvent } from '../../../upstreams/define.js';

/** Gets the blocks in order. Between `open…` and `close…` only that block's own pieces arrive. */
export interface BlockSink {
  openText(): void;
  openThinking(): void;
  openTool(id: string, name: string): void;
  text(text: string): void;
  thinking(text: string): void;
  /** A piece of the open tool's input, JSON text. */
  input(json: string): void;
  /** A whole block of its own. */
  redacted(data: string): void;
  closeText(): void;
  /** The joined signature, or '' where there is none. */
  closeThinking(signature: string): void;
  /** `finished`: the tool's input is complete; else the reply was cut inside it. */
  closeTool(finished: boolean): void;
}

export interface BlockOptions {
  /**
   * Thinking behind text waits until more text or a tool follows, and is left out at the end: Claude Code loses
   * the answer when the last block is a thinking block (kirocc#137). Off where reasoning has a channel of its own.
   */
  readonly holdLateThinking: boolean;
}

export interface Blocks {
  event(event: ModelEvent): void;
  /** The reply is over: closes what is open and hands out what still waited for its turn. */
  finish(): void;
}

type Open = 'nothing' | 'text' | 'thinking' | 'tool';

export function createBlocks(sink: BlockSink, options: BlockOptions): Blocks {
  let open: Open = 'nothing';
  let toolId = '';
  let toolHasInput = false;
  let signature = '';
  /** Text or a tool has been opened, so thinking from here on is late. */
  let spoken = false;
  /** Events that came while a tool was open and belong behind it. */
  let waiting: ModelEvent[] = [];
  let late: ModelEvent[] = [];

  function close(finished = true): void {
    if (open === 'text') sink.closeText();
    else if (open === 'thinking') sink.closeThinking(signature);
    else if (open === 'tool') closeTool(finished);
    open = 'nothing';
    signature = '';
  }

  function closeTool(finished: boolean): void {
    // A tool without arguments has the empty object for input (pitfall 34); a cut one is never completed (pitfall 33).
    if (finished && !toolHasInput) sink.input('{}');
    sink.closeTool(finished);
  }

  function speak(): void {
    spoken = true;
    if (late.length === 0) return;
    const held = late;
    late = [];
    for (const event of held) think(event, false);
  }

  function text(piece: string): void {
    if (piece === '') return;
    if (open !== 'text' || late.length > 0) {
      speak();
      close();
      sink.openText();
      open = 'text';
    }
    sink.text(piece);
  }

  function openThinking(): void {
    // A signature ends its block: what is thought after it is the next one.
    if (open === 'thinking' && signature === '') return;
    close();
    sink.openThinking();
    open = 'thinking';
  }

  function think(event: ModelEvent, opening: boolean): void {
    if (event.type === 'thinking') {
      if (event.text === '') return;
      openThinking();
      sink.thinking(event.text);
    } else if (event.type === 'redacted_thinking') {
      close();
      sink.redacted(event.data);
    } else if (event.type === 'thinking_signature') {
      // Without its text a signature stands alone only where the model thinks unseen, at the very start; elsewhere its block is gone.
      if (open !== 'thinking' && !opening) return;
      if (open !== 'thinking') openThinking();
      signature += event.signature;
    }
  }

  function startTool(id: string, name: string): void {
    speak();
    close();
    sink.openTool(id, name);
    open = 'tool';
    toolId = id;
    toolHasInput = false;
  }

  function drain(): void {
    const events = waiting;
    waiting = [];
    for (const event of events) handle(event);
  }

  function inTool(event: ModelEvent): void {
    if (event.type === 'tool_input' && event.id === toolId) {
      if (event.json === '') return;
      toolHasInput = true;
      sink.input(event.json);
    } else if (event.type === 'tool_end' && event.id === toolId) {
      close();
      drain();
    } else waiting.push(event);
  }

  function handle(event: ModelEvent): void {
    if (open === 'tool') inTool(event);
    else if (event.type === 'text') text(event.text);
    else if (event.type === 'tool_start') startTool(event.id, event.name);
    else if (event.type === 'thinking' || event.type === 'thinking_signature' || event.type === 'redacted_thinking') thinking(event);
    // What is left are pieces of a tool that was never started.
  }

  function thinking(event: ModelEvent): void {
    if (!spoken || !options.holdLateThinking) think(event, !spoken);
    else if (late.length > 0 || event.type !== 'thinking_signature') late.push(event);
  }

  return {
    event(event) {
      if (event.type !== 'usage' && event.type !== 'metering' && event.type !== 'stop') handle(event);
    },
    finish() {
      while (open === 'tool') {
        close(false);
        drain();
      }
      close();
    },
  };
}
