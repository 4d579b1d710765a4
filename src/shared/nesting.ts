/** How deep JSON lies nested: what writes JSON goes down by calls, and a text of a few kilobytes can exhaust them. */

/** Does the JSON text open more than `most` brackets within each other? Whether or not it is valid. */
export function isTextDeeper(json: string, most: number): boolean {
  // Most texts have too few of them at all; looking at every character took a tenth of the time of an ingest.
  if (!hasMoreThan(json, ['[', '{'], most)) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at);
    if (inString) {
      // A backslash takes the character behind it along.
      if (code === 0x5c) at += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > most) return true;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return false;
}

function hasMoreThan(text: string, parts: readonly string[], most: number): boolean {
  let left = most;
  for (const part of parts) {
    for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + 1)) {
      if (left === 0) return true;
      left -= 1;
    }
  }
  return false;
}

/** The same of a parsed value. Never looks deeper than `most`. */
export function isDeeper(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return most === 0 || Object.values(value).some((each) => isDeeper(each, most - 1));
}
