/** Reasoning items of a client's history, and what we put into their `encrypted_content`: the upstream's signature, or its hidden thinking. */
import type { MessagePart } from '../../../upstreams/define.js';
import { isObject, type JsonObject, stringAt } from '../shared/guards.js';
import { at, describe, invalid, type Path } from '../shared/path.js';

const SIGNED = 'kirogate-signature:';
const HIDDEN = 'kirogate-hidden:';

export function sealSignature(signature: string): string {
  return SIGNED + signature;
}

export function sealHidden(data: string): string {
  return HIDDEN + data;
}

/** The thinking of one `reasoning` item. Another provider's seal opens nothing here: its text stays, unsigned. */
export function thinkingOf(item: JsonObject, path: Path): MessagePart[] {
  const sealed = stringAt(item.encrypted_content ?? '', at(path, 'encrypted_content'));
  if (sealed.startsWith(HIDDEN)) return [{ type: 'redacted_thinking', data: sealed.slice(HIDDEN.length) }];
  const text = texts(item.summary, at(path, 'summary')) || texts(item.content, at(path, 'content'));
  const signature = sealed.startsWith(SIGNED) ? sealed.slice(SIGNED.length) : null;
  return text === '' && signature === null ? [] : [{ type: 'thinking', text, signature }];
}

function texts(value: unknown, path: Path): string {
  if (value === undefined || value === null) return '';
  if (!Array.isArray(value)) throw invalid(path, `must be an array, got ${describe(value)}`);
  return value.flatMap((part: unknown) => (isObject(part) && typeof part.text === 'string' ? [part.text] : [])).join('\n\n');
}
