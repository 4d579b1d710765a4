import { describe, expect, test } from 'vitest';
import { DatabaseError } from '../../infra/database/errors.js';
import { type Queryable, sql } from '../../infra/database/port.js';
import type { Clock } from '../../shared/clock.js';
import { inSlices, tellStandstill } from './steady.js';

function clockAt(): Clock & { ms: number } {
  return {
    ms: 0,
    now: () => 0,
    monotonic() {
      return this.ms;
    },
  };
}

const answering: Queryable = { engine: 'postgres', query: async () => [] };

describe('long work', () => {
  test('lets others have their turn, and keeps its transaction alive', async () => {
    const clock = clockAt();
    let pulses = 0;
    let turns = 0;
    function* work(): Generator<void, string> {
      for (let step = 0; step < 40; step += 1) {
        clock.ms += 100;
        setImmediate(() => {
          turns += 1;
        });
        yield;
      }
      return 'done';
    }
    const tx: Queryable = {
      engine: 'postgres',
      async query() {
        pulses += 1;
        return [];
      },
    };
    expect(await inSlices(work(), clock, tx)).toBe('done');
    expect(pulses).toBe(8);
    expect(turns).toBeGreaterThan(30);
  });

  test('that stood still until its transaction was ended says so, and not that a connection was cut', async () => {
    const clock = clockAt();
    let fails = false;
    const tx = tellStandstill(
      {
        engine: 'postgres',
        async query() {
          if (fails) throw new DatabaseError('unavailable', 'the connection was cut (write EPIPE)');
          return [];
        },
      },
      clock,
    );
    await tx.query(sql`select 1`);
    fails = true;
    clock.ms += 19_000;
    await expect(tx.query(sql`select 1`)).rejects.toThrow('the connection was cut');
    clock.ms += 25_000;
    await expect(tx.query(sql`select 1`)).rejects.toMatchObject({
      table: null,
      reason: expect.stringContaining('stood still in it for 25 s') as string,
    });
  });

  test('that stood still in vain goes on', async () => {
    const clock = clockAt();
    const tx = tellStandstill(answering, clock);
    clock.ms += 60_000;
    expect(await tx.query(sql`select 1`)).toEqual([]);
  });
});
