import { beforeEach, describe, expect, test } from 'vitest';
import { createRefusalRecorder, type Refusal } from './refusals.js';

const refusal = (over: { actor?: string; command?: string; code?: string } = {}): Refusal => ({
  actor: over.actor ?? 'admin',
  correlationId: null,
  data: { command: over.command ?? 'key.issue', code: over.code ?? 'not_found', message: 'no', param: null, target: null, count: 1 },
});

describe('refused commands', () => {
  let written: string[];
  let timers: (() => void)[];
  let failing: boolean;
  let lost: number;
  const make = () =>
    createRefusalRecorder({
      record: async ({ actor, data }) => {
        if (failing) throw new Error('store lost');
        written.push(`${actor} ${data.command} ${data.code} ${data.count}`);
      },
      onLost: () => {
        lost += 1;
      },
      after: (_ms, callback) => {
        timers.push(callback);
        return { cancel: () => timers.splice(timers.indexOf(callback), 1) };
      },
    });
  /** Lets the minute pass for all windows that are open now. */
  const minute = async (): Promise<void> => {
    for (const callback of timers.splice(0)) callback();
    await new Promise((resolve) => setImmediate(resolve));
  };
  beforeEach(() => {
    written = [];
    timers = [];
    failing = false;
    lost = 0;
  });

  test('the first is told at once, the others once a minute with their count', async () => {
    const recorder = make();
    for (let i = 0; i < 5; i += 1) await recorder.refused(refusal());
    expect(written).toEqual(['admin key.issue not_found 1']);
    await minute();
    expect(written).toEqual(['admin key.issue not_found 1', 'admin key.issue not_found 4']);
    await recorder.refused(refusal());
    await minute();
    await minute();
    expect(written.slice(2)).toEqual(['admin key.issue not_found 1']);
    expect(timers).toEqual([]);
  });

  test('actors, commands and codes are told apart', async () => {
    const recorder = make();
    await recorder.refused(refusal());
    await recorder.refused(refusal({ actor: 'user/ada' }));
    await recorder.refused(refusal({ command: 'key.change' }));
    await recorder.refused(refusal({ code: 'conflict' }));
    expect(written).toHaveLength(4);
  });

  test('closing tells what was counted', async () => {
    const recorder = make();
    await recorder.refused(refusal());
    await recorder.refused(refusal());
    await recorder.refused(refusal({ code: 'conflict' }));
    await recorder.close();
    expect(written).toEqual(['admin key.issue not_found 1', 'admin key.issue conflict 1', 'admin key.issue not_found 1']);
    expect(timers).toEqual([]);
  });

  test('a thousand members at once do not make a thousand and more windows', async () => {
    const recorder = make();
    for (let i = 0; i < 3_000; i += 1) await recorder.refused(refusal({ actor: `user/${i}` }));
    expect(timers).toHaveLength(1_001);
    await minute();
    expect(written.at(-1)).toBe('system several not_found 1999');
  });

  test('a store that is lost stops nobody', async () => {
    failing = true;
    await make().refused(refusal());
    expect(lost).toBe(1);
  });
});
