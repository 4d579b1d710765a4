/** Turns what a member pastes into rows for the API, which judges each of them. */

export interface RowDefaults {
  readonly visibility: 'public' | 'private';
}

/**
 * A JSON array, one JSON object, or one refresh token a line. What a row does not say of its visibility comes from `defaults`.
 * Text that looks like JSON and is not goes as it is: the API says what is wrong with it.
 */
export function rowsOf(text: string, defaults: RowDefaults): unknown {
  const trimmed = text.trim();
  if (!/^[[{"]/.test(trimmed)) {
    const lines = trimmed.split(/\r?\n/).map((line) => line.trim());
    return lines.filter((line) => line !== '').map((refreshToken) => ({ ...defaults, refreshToken }));
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(trimmed);
  } catch {
    return text;
  }
  return (Array.isArray(parsed) ? parsed : [parsed]).map((row: unknown) => {
    if (typeof row === 'string') return { ...defaults, refreshToken: row };
    return typeof row === 'object' && row !== null && !Array.isArray(row) ? { ...defaults, ...row } : row;
  });
}
