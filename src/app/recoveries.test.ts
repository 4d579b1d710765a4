import { describe, expect, it } from 'vitest';
import { createRecoveries } from './recoveries.js';

describe('what the log found when Redis was back', () => {
  it('is one recovery over all partitions and producers', () => {
    const recoveries = createRecoveries();
    recoveries.note({ partition: 'p0', reappended: 2, reason: 'empty' });
    recoveries.note({ partition: 'p0', reappended: 3, reason: 'empty' });
    recoveries.note({ partition: 'p1', reappended: 1, reason: 'rolled_back' });
    expect(recoveries.take()).toEqual({ outcome: 'restored', reappended: 6, message: 'Redis came back empty and with an older state' });
  });

  it('is told once', () => {
    const recoveries = createRecoveries();
    recoveries.note({ partition: 'p0', reappended: 2, reason: 'empty' });
    recoveries.take();
    expect(recoveries.take()).toEqual({ outcome: 'same', reappended: 0, message: null });
  });

  it('after an outage that lost nothing is only a number of events', () => {
    const recoveries = createRecoveries();
    recoveries.note({ partition: 'p0', reappended: 7, reason: 'reconnected' });
    expect(recoveries.take()).toEqual({ outcome: 'same', reappended: 7, message: null });
  });
});
