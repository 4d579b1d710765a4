/** Cheap, deterministic token estimates, for everything that must show a number before or without the upstream's own. */
import type { MessagePart, ModelRequest, Tool } from './define.js';

/** An image costs about width × height / 750 tokens, at most some 1,600; most clients send close to the cap. */
const imageTokens = 1_400;
const perMessage = 4;
const perTool = 10;
const charactersPerToken = 4;

/**
 * Token weight of a text, not rounded, so that the weights of pieces may be added up.
 * Latin text weighs a quarter token per character. Every two bytes that UTF-8 needs beyond one per UTF-16
 * unit mark a character that is about a token of its own (CJK: 1; Cyrillic: 0.6). Both lengths are native calls.
 */
export function tokenWeight(text: string): number {
  const beyond = (Buffer.byteLength(text, 'utf8') - text.length) / 2;
  return Math.max(0, text.length - beyond) / charactersPerToken + beyond;
}

/** Estimated tokens of one text; 0 only for the empty one. */
export function estimateTokens(text: string): number {
  return Math.ceil(tokenWeight(text));
}

function partWeight(part: MessagePart): number {
  switch (part.type) {
    case 'text':
    case 'thinking':
      return tokenWeight(part.text);
    case 'redacted_thinking':
      return tokenWeight(part.data) / 2;
    case 'image':
      return imageTokens;
    case 'tool_use':
      return perTool + tokenWeight(part.name) + tokenWeight(JSON.stringify(part.input));
    case 'tool_result':
      return part.content.reduce((sum, inner) => sum + partWeight(inner), perTool);
  }
}

function toolWeight(tool: Tool): number {
  return perTool + tokenWeight(tool.name) + tokenWeight(tool.description) + tokenWeight(JSON.stringify(tool.inputSchema) ?? '');
}

/** Estimated input tokens of a whole request: system, messages, images, thinking and tools. At least 1. */
export function estimateRequestTokens(request: ModelRequest): number {
  let weight = 0;
  for (const part of request.system) weight += tokenWeight(part.text);
  for (const message of request.messages) {
    weight += perMessage;
    for (const part of message.parts) weight += partWeight(part);
  }
  for (const tool of request.tools) weight += toolWeight(tool);
  return Math.max(1, Math.ceil(weight));
}
