/** Transactions that collided are tried again: the other one is over, and nothing of this one was written. */
import { DatabaseError } from '../../infra/database/errors.js';

const MOST_TRIES = 6;

/** For whole transactions. Another fault, and a collision that comes again and again, is thrown. */
export async function retryCollisions<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === MOST_TRIES || !(error instanceof DatabaseError) || error.fault !== 'busy') throw error;
    }
  }
}
