/** The value of JSON text that was cut somewhere: what is complete of it. Whole replies need it for a tool call that `max_tokens` cut. */

/** Parses the text, or the longest part of it that can be closed; an object with nothing complete is `{}`. */
export function partialJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return parseCut(text);
  }
}

interface Cut {
  /** Where the text may be cut so that only brackets are missing. */
  end: number;
  closers: string;
}

function parseCut(text: string): unknown {
  const cut = lastCut(text);
  if (cut === null) return {};
  try {
    return JSON.parse(text.slice(0, cut.end) + cut.closers);
  } catch {
    return {};
  }
}

/**
 * One pass: after an opening bracket, a complete member or a complete element the text can be cut and closed.
 * Strings and scalars count once something behind them proves that they are complete.
 */
function lastCut(text: string): Cut | null {
  const open: string[] = [];
  let cut: Cut | null = null;
  let inString = false;
  const mark = (end: number): void => {
    cut = { end, closers: open.toReversed().join('') };
  };
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (inString) {
      if (char === '\\') index++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') {
      open.push(char === '{' ? '}' : ']');
      mark(index + 1);
    } else if (char === '}' || char === ']') {
      open.pop();
      mark(index + 1);
    } else if (char === ',') mark(index);
  }
  return cut;
}
