import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createTeardown } from './teardown.js';

describe('taking a node down (plan 17.3, spec R11)', () => {
  it('closes the newest part first, one after another', async () => {
    const closed: string[] = [];
    const teardown = createTeardown(pino({ level: 'silent' }));
    for (const name of ['database', 'event log', 'limits']) {
      teardown.add(name, async () => {
        closed.push(`${name} begins`);
        await Promise.resolve();
        closed.push(`${name} ends`);
      });
    }
    await teardown.run();
    expect(closed).toEqual(['limits begins', 'limits ends', 'event log begins', 'event log ends', 'database begins', 'database ends']);
  });

  it('goes on where a part does not close, and closes nothing twice', async () => {
    const closed: string[] = [];
    const teardown = createTeardown(pino({ level: 'silent' }));
    teardown.add('database', () => void closed.push('database'));
    teardown.add('limits', () => Promise.reject(new Error('no')));
    await teardown.run();
    await teardown.run();
    expect(closed).toEqual(['database']);
  });
});
