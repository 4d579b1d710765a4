/** The one gate for free text that enters events, tables or logs: no NUL, well-formed, bounded. */

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
