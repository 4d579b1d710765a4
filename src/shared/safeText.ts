/** The gates for free text that enters events, tables or logs: no NUL, well-formed, bounded; and for what people type: nothing unseen. */

/**
 * Replaces lone surrogates and control characters (tab and newline stay) and cuts at `max` UTF-16
 * units without splitting a pair. PostgreSQL refuses NUL in text, JSON readers refuse lone surrogates.
 */
export function safeText(text: string, max = 1_000): string {
  let clean = text.toWellFormed().replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, ' ');
  if (clean.length > max) {
    clean = clean.slice(0, max);
    const last = clean.charCodeAt(max - 1);
    if (last >= 0xd800 && last <= 0xdbff) clean = clean.slice(0, -1);
  }
  return clean;
}

/** What turns the text around it, or takes no room: overrides and isolates of direction, zero-width characters, fillers. */
const unseen = /[\u00ad\u180e\u200b\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]/gu;
/** Tag characters spell the flags of regions after a black flag, and hide text anywhere else. */
const hiddenTags = /(?<!\u{1f3f4}[\u{e0020}-\u{e007f}]*)[\u{e0000}-\u{e007f}]/gu;
/** Joiners and marks of direction say something between two characters only: in emoji, Persian, Indic scripts, Hebrew. */
const looseMarks = /(?<=^|\s)[\u200c-\u200f\u061c]+|[\u200c-\u200f\u061c]+(?=$|\s)|(?<=[\u200c-\u200f\u061c])[\u200c-\u200f\u061c]+/gu;
const visible = /[^\p{Default_Ignorable_Code_Point}\p{White_Space}\p{Cc}\u2800]/u;

/** `safeText` without what cannot be seen, trimmed; empty where nothing is left to see. */
export function visibleText(text: string, max = 1_000): string {
  const clean = safeText(text, max).replace(unseen, '').replace(hiddenTags, '').replace(looseMarks, '').trim();
  return visible.test(clean) ? clean : '';
}
