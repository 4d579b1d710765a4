/** The messages dialect passes the contract of all dialects, read as an Anthropic client reads. */
import { anthropicMessages } from './anthropicMessages.js';
import { dialectContract, type Frame } from './contract.js';
import { partialJson } from './shared/partialJson.js';

type Json = Record<string, unknown>;

interface Reading {
  message: Json & { content: unknown[] };
  open: (Json & { json?: string }) | null;
}

function join(frames: readonly Frame[]): unknown {
  const reading: Reading = { message: { content: [] }, open: null };
  const names = frames.map((frame) => frame.event);
  if (names[0] !== 'message_start' || names.filter((name) => name === 'message_start').length !== 1)
    throw new Error('message_start not once and first');
  if (names.at(-1) !== 'message_stop' || names.filter((name) => name === 'message_delta').length !== 1) throw new Error('no clean end');
  for (const frame of frames) {
    const data = frame.data as Json;
    if (data.type !== frame.event) throw new Error('event and type differ');
    read(reading, data);
  }
  if (reading.open !== null) throw new Error('a block stays open');
  return reading.message;
}

function read(reading: Reading, data: Json): void {
  switch (data.type) {
    case 'message_start':
      reading.message = structuredClone(data.message) as Reading['message'];
      return;
    case 'content_block_start':
      if (reading.open !== null) throw new Error('two open blocks');
      if (data.index !== reading.message.content.length) throw new Error('index does not rise');
      reading.open = { ...(data.content_block as Json) };
      return;
    case 'content_block_delta':
      if (reading.open === null || data.index !== reading.message.content.length) throw new Error('a delta outside its block');
      apply(reading.open, data.delta as Json);
      return;
    case 'content_block_stop':
      if (reading.open === null) throw new Error('a stop without a block');
      reading.message.content.push(closed(reading.open));
      reading.open = null;
      return;
    case 'message_delta':
      if (reading.open !== null) throw new Error('message_delta within a block');
      Object.assign(reading.message, data.delta, { usage: data.usage });
      return;
    case 'ping':
    case 'message_stop':
      return;
    default:
      throw new Error(`unknown event ${String(data.type)}`);
  }
}

function apply(block: Json & { json?: string }, delta: Json): void {
  switch (delta.type) {
    case 'text_delta':
      block.text = `${String(block.text)}${String(delta.text)}`;
      return;
    case 'thinking_delta':
      block.thinking = `${String(block.thinking)}${String(delta.thinking)}`;
      return;
    case 'signature_delta':
      block.signature = delta.signature;
      return;
    case 'input_json_delta':
      block.json = (block.json ?? '') + String(delta.partial_json);
      return;
    default:
      throw new Error(`unknown delta ${String(delta.type)}`);
  }
}

function closed(block: Json & { json?: string }): Json {
  if (block.type === 'text' && block.text === '') throw new Error('an empty text block');
  const { json, ...rest } = block;
  return json === undefined ? rest : { ...rest, input: partialJson(json) };
}

dialectContract({ dialect: anthropicMessages, join });
