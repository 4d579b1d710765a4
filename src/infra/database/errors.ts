/** What a store can fail with, sorted by what the caller can do about it. */

export type DatabaseFault =
  /** Another row has this unique value. */
  | 'unique'
  /** Another writer held the lock for too long, or two transactions collided: trying again helps. */
  | 'busy'
  /** The store cannot be reached, read or written now; nothing is wrong with the statement. */
  | 'unavailable'
  /** The statement or a value in it. */
  | 'statement';

/** `message` is for the operator: it names the store and never holds a password or a value. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';

  constructor(
    readonly fault: DatabaseFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Would the same call succeed later? */
  get transient(): boolean {
    return this.fault === 'busy' || this.fault === 'unavailable';
  }
}

export function isUniqueViolation(error: unknown): boolean {
  return error instanceof DatabaseError && error.fault === 'unique';
}
