/** What tests of this folder share: frames as the service sends them, and a request to vary. */
import { EventStreamCodec } from '@smithy/eventstream-codec';
import type { Message, MessagePart, ModelEvent, ModelRequest } from '../define.js';
import { decodeFrame } from './frames.js';
import { createStreamDecoder, type DecoderOptions } from './stream.js';

const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8')),
  (text) => Buffer.from(text, 'utf8'),
);

export function encodeFrame(headers: Readonly<Record<string, string>>, payload: Buffer | string): Buffer {
  const typed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, { type: 'string' as const, value }]));
  return Buffer.from(codec.encode({ headers: typed, body: Buffer.from(payload) }));
}

export function eventFrame(type: string, payload: unknown): Buffer {
  const headers = { ':message-type': 'event', ':event-type': type, ':content-type': 'application/json' };
  return encodeFrame(headers, Buffer.isBuffer(payload) ? payload : JSON.stringify(payload));
}

export const textFrame = (content: string): Buffer => eventFrame('assistantResponseEvent', { content });

/** How a normal reply ends. */
export const endFrames = (stopReason = 'END_TURN'): Buffer[] => [
  eventFrame('metadataEvent', { stopReason }),
  eventFrame('contextUsageEvent', { contextUsagePercentage: 1.5 }),
  eventFrame('meteringEvent', { usage: 0.031, unit: 'credit' }),
];

/** Decodes whole frames; throws as the decoder does. */
export function decodeAll(frames: readonly Buffer[], options: Partial<DecoderOptions> = {}): ModelEvent[] {
  const decoder = createStreamDecoder({
    originalName: (name) => name,
    contextWindow: 200_000,
    estimateInput: () => 77,
    thinkingTags: false,
    secrets: [],
    onOddity: () => {},
    ...options,
  });
  return [...frames.flatMap((frame) => decoder.frame(decodeFrame(frame))), ...decoder.end()];
}

/** The text of all events of one type, joined. */
export function joined(events: readonly ModelEvent[], type: 'text' | 'thinking'): string {
  return events.flatMap((event) => (event.type === type ? [event.text] : [])).join('');
}

export const user = (index: number, ...parts: readonly (MessagePart | string)[]): Message => ({
  role: 'user',
  index,
  parts: parts.map(part),
});
export const assistant = (index: number, ...parts: readonly (MessagePart | string)[]): Message => ({
  role: 'assistant',
  index,
  parts: parts.map(part),
});
export const toolUse = (id: string, name: string, input: Record<string, unknown> = {}): MessagePart => ({
  type: 'tool_use',
  id,
  name,
  input,
});
export const toolResult = (toolUseId: string, text: string, isError = false): MessagePart => ({
  type: 'tool_result',
  toolUseId,
  isError,
  content: text === '' ? [] : [{ type: 'text', text }],
});

function part(value: MessagePart | string): MessagePart {
  return typeof value === 'string' ? { type: 'text', text: value } : value;
}

export function modelRequest(over: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: 'claude-sonnet-4.5',
    system: [],
    messages: [user(0, 'Hello')],
    tools: [],
    toolChoice: { type: 'auto' },
    maxTokens: null,
    stop: [],
    temperature: null,
    topP: null,
    thinking: null,
    conversation: null,
    ...over,
  };
}
