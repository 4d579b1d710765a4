/** What a statement may be given as a value, on every engine. */
import { DatabaseError } from './errors.js';

/** Throws for what drivers would write as NULL, 'NaN' or "[object Object]" without a word. */
export function mustBeValue(value: unknown): void {
  const plain = value === null || typeof value !== 'object' || value instanceof Uint8Array;
  if (!plain || value === undefined || Number.isNaN(value)) {
    throw new DatabaseError('statement', `a ${typeof value} that SQL does not know was given as a value`);
  }
}
