/** Text that a header carries: as it is, or percent-encoded as RFC 8187 has it, because headers hold no other letters than those of ASCII for sure. */
import { AppError } from '../../errors.js';

const encoded = /^utf-8'[^']*'(.*)$/is;

/** `value` as Node reads it, a character for each byte. Throws AppError `invalid_request` naming `header`. */
export function headerText(header: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const escaped = encoded.exec(value)?.[1];
  if (escaped === undefined) return unescaped(value);
  try {
    return decodeURIComponent(escaped);
  } catch (error) {
    const message = `${header}: what follows utf-8'' is not percent-encoded UTF-8.`;
    throw new AppError('invalid_request', { message, param: header, cause: error });
  }
}

/** Command line clients send what they were given, which is UTF-8 nearly everywhere. */
function unescaped(value: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
}
