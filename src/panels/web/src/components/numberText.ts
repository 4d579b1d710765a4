/** Reads what stands in a number field. What cannot be sent exactly as it stands is a fault: nothing is guessed, rounded or cut. */

export interface NumberRule {
  readonly whole: boolean;
  /** Both ends belong to it. */
  readonly min?: number | null;
  readonly max?: number | null;
}

export type NumberFault = 'empty' | 'notNumber' | 'notWhole' | 'outOfRange';
export type NumberReading = { readonly value: number } | { readonly fault: NumberFault };

/** For a form: does an optional field hold what is no such number? The field itself says what is wrong. */
export const holdsFault =
  (rule: NumberRule) =>
  (text: string): true | null => {
    const read = readNumber(text, rule);
    return 'fault' in read && read.fault !== 'empty' ? true : null;
  };

/** Digits with at most one decimal point: no exponents, no thousands separators, nothing that two readers could take differently. */
const plain = /^[+-]?\d+(\.\d+)?$/;

export function readNumber(text: string, { whole, min, max }: NumberRule): NumberReading {
  const typed = text.trim();
  if (typed === '') return { fault: 'empty' };
  if (!plain.test(typed)) return { fault: 'notNumber' };
  if (whole && typed.includes('.')) return { fault: 'notWhole' };
  const value = Number(typed);
  const outside = value < (min ?? Number.NEGATIVE_INFINITY) || value > (max ?? Number.POSITIVE_INFINITY);
  return outside || (whole && !Number.isSafeInteger(value)) ? { fault: 'outOfRange' } : { value };
}
