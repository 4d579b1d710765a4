/** JSON as people paste it: with a comma too many, several values in a row, or a list in which one value is broken. */

/** Longer text is read as it stands: looking for what may be meant holds the process up for about a second a million characters. */
export const mostLoose = 500_000;

/** The value, also behind a comma that ends a list or an object; undefined: it is no JSON. */
export function parseLoosely(text: string): { readonly value: unknown } | undefined {
  return parse(text) ?? (text.length > mostLoose ? undefined : parse(withoutEndingCommas(text)));
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** Drops each comma that only blanks part from a closing bracket or the end; those in strings stay. */
function withoutEndingCommas(text: string): string {
  return text.replace(/"(?:[^"\\\n]+|\\.)*"?|,(?=\s*(?:[\]}]|$))/g, (found) => (found === ',' ? '' : found));
}

/**
 * The text parted into values: elements of a list, or values that follow each other. Brackets and commas in strings are not
 * looked at; a string ends with its line, so that a missing quote spoils no more than that.
 */
export function jsonPieces(text: string): string[] {
  const floor = text.startsWith('[') ? 1 : 0;
  const pieces: string[] = [];
  let depth = 0;
  let from = floor;
  const cut = (to: number): void => {
    const piece = text.slice(from, to).trim();
    // Behind a list comes the end of what it stood in.
    if (!/^[\]},]*$/.test(piece)) pieces.push(piece);
  };
  for (const { 0: sign, index } of text.matchAll(/"(?:[^"\\\n]+|\\.)*"?|[[\]{},]/g)) {
    if (sign === '[' || sign === '{') depth += 1;
    else if (sign === ']' || sign === '}') depth = Math.max(floor - 1, depth - 1);
    const comma = sign === ',' && depth === floor;
    const ended = depth === floor && (sign === '}' || sign === ']');
    const listEnded = depth < floor;
    if (comma || listEnded) {
      cut(index);
      from = index + 1;
    } else if (ended && floor === 0) {
      cut(index + 1);
      from = index + 1;
    }
    if (listEnded) break;
  }
  cut(text.length);
  return pieces;
}
