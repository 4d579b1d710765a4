/** Stable ids of a conversation and of one user turn in it, which the upstream's prompt cache recognises (kiro-protocol B5, C1 23). */
import { hash } from 'node:crypto';
import type { Message, ModelRequest } from '../../define.js';

/** A digest in the shape of a UUID (version 8: vendor-defined, RFC 9562). */
function digestUuid(...parts: readonly string[]): string {
  const hex = hash('sha256', `${parts.join('\u0000')}\u0000`, 'hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Enough of a text to tell conversations apart without hashing megabytes. */
const sample = (text: string): string => `${text.length}:${text.slice(0, 4_096)}`;

function ownText(message: Message): string {
  return message.parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

export interface SessionIds {
  readonly conversationId: string;
  /** The same over the tool rounds of one user turn. */
  readonly agentContinuationId: string;
}

/** `account` keeps conversations of different credentials apart. */
export function sessionIds(request: ModelRequest, account: string): SessionIds {
  const said = request.messages.filter(
    (message) => message.role === 'user' && message.parts.some((part) => part.type === 'text' || part.type === 'image'),
  );
  const first = said[0];
  // Without a name the first thing the user said tells conversations apart; system and tools are the same in all of them.
  const seed = request.conversation ?? `${first ? sample(ownText(first)) : ''}\n${sample(request.system[0]?.text ?? '')}`;
  const conversationId = digestUuid('conversation', account, seed);
  const last = said.at(-1);
  return {
    conversationId,
    agentContinuationId: digestUuid('turn', conversationId, String(said.length), last ? sample(ownText(last)) : ''),
  };
}
