import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { StoreUnreachable } from '../errors.js';
import { createStartRetry } from './startRetry.js';

const logger = pino({ level: 'silent' });

/** Each look at the clock is a second later. */
function retry(timeoutMs: number, signal = new AbortController().signal) {
  let now = 0;
  const monotonic = (): number => {
    now += 1_000;
    return now;
  };
  return createStartRetry({ timeoutMs, clock: { now: monotonic, monotonic }, logger, signal });
}

describe('a store that cannot be reached at the start (contract §4)', () => {
  it('is tried again until it answers', async () => {
    let tries = 0;
    const opened = await retry(60_000).until(async () => {
      tries += 1;
      if (tries < 3) throw new StoreUnreachable('Redis at h:1/0 cannot be reached');
      return 'open';
    });
    expect({ opened, tries }).toEqual({ opened: 'open', tries: 3 });
  });

  it('ends the start with its own words when the time is over', async () => {
    const gone = (): Promise<never> => Promise.reject(new StoreUnreachable('Redis at h:1/0 cannot be reached'));
    await expect(retry(1_500).until(gone)).rejects.toThrow('Redis at h:1/0 cannot be reached');
  });

  it('is not tried again when something else is wrong, nor once the node is told to stop', async () => {
    let tries = 0;
    const wrong = (error: Error) => async (): Promise<never> => {
      tries += 1;
      throw error;
    };
    await expect(retry(60_000).until(wrong(new Error('the schema is newer')))).rejects.toThrow('newer');
    await expect(retry(60_000, AbortSignal.abort()).until(wrong(new StoreUnreachable('gone')))).rejects.toThrow('gone');
    expect(tries).toBe(2);
  });
});
