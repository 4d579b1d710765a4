/** Splits `<thinking>…</thinking>` at the very start of a reply from its text, however the tags are cut into chunks (pitfall 42). */
import type { ModelEvent } from '../define.js';

export interface ThinkingTags {
  push(text: string): ModelEvent[];
  /** What is held back, when something other than text follows or the reply ends. */
  flush(): ModelEvent[];
}

const openTag = '<thinking>';
const closeTag = '</thinking>';
const quotes = '`"\'';

/** Length of the longest end of `text` that a tag could begin with. */
function overlap(text: string, tag: string): number {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--) {
    if (tag.startsWith(text.slice(text.length - length))) return length;
  }
  return 0;
}

/**
 * States: `start` decides whether the reply opens with the tag (leading blanks before it are dropped),
 * `thinking` looks for the end, `gap` eats the newlines after it once, `text` passes everything.
 * An end tag in quotes or back-ticks is one the model writes about, not the end.
 */
export function createThinkingTags(): ThinkingTags {
  let state: 'start' | 'thinking' | 'gap' | 'text' = 'start';
  let held = '';
  let before = '';
  /** Right after the opening tag, whose line break is not part of the thought. */
  let fresh = false;

  const thinking = (text: string, events: ModelEvent[]): void => {
    if (text === '') return;
    before = text.at(-1) ?? before;
    events.push({ type: 'thinking', text });
  };

  const start = (events: ModelEvent[]): boolean => {
    const trimmed = held.trimStart();
    if (trimmed.startsWith(openTag)) {
      held = trimmed.slice(openTag.length);
      state = 'thinking';
      fresh = true;
      return held !== '';
    }
    if (openTag.startsWith(trimmed)) return false;
    state = 'text';
    return emitText(events);
  };

  const inside = (events: ModelEvent[]): boolean => {
    if (fresh && held !== '') {
      held = held.replace(/^\n/, '');
      fresh = false;
    }
    const at = held.indexOf(closeTag);
    if (at < 0) {
      const keep = overlap(held, closeTag);
      thinking(held.slice(0, held.length - keep), events);
      held = held.slice(held.length - keep);
      return false;
    }
    const quote = at > 0 ? (held[at - 1] ?? '') : before;
    const after = held[at + closeTag.length];
    if (quote !== '' && quotes.includes(quote)) {
      if (after === undefined) {
        // Whether it is quoted shows in the next character.
        thinking(held.slice(0, at), events);
        held = held.slice(at);
        return false;
      }
      if (after === quote) {
        thinking(held.slice(0, at + closeTag.length), events);
        held = held.slice(at + closeTag.length);
        return true;
      }
    }
    thinking(held.slice(0, at), events);
    held = held.slice(at + closeTag.length);
    state = 'gap';
    return held !== '';
  };

  const gap = (events: ModelEvent[]): boolean => {
    held = held.replace(/^[\r\n]+/, '');
    if (held === '') return false;
    state = 'text';
    return emitText(events);
  };

  const emitText = (events: ModelEvent[]): boolean => {
    if (held !== '') events.push({ type: 'text', text: held });
    held = '';
    return false;
  };

  const steps = { start, thinking: inside, gap, text: emitText };
  return {
    push(text) {
      if (state === 'text') return [{ type: 'text', text }];
      held += text;
      const events: ModelEvent[] = [];
      while (steps[state](events));
      return events;
    },
    flush() {
      const events: ModelEvent[] = [];
      // A close tag that was held for a quote check is the end after all.
      if (state === 'thinking' && held !== closeTag) thinking(held, events);
      else if (state === 'start' && held !== '') events.push({ type: 'text', text: held });
      held = '';
      state = 'text';
      return events;
    },
  };
}
