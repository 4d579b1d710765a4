import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../events/define.js';
import type { EventLog } from '../../events/log/port.js';
import { createTeller } from './teller.js';

const event = (id: string): NewEvent => ({ id, type: 'kirogate.request.refused' }) as unknown as NewEvent;

function set() {
  const lines: { msg: string }[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as { msg: string }) });
  const state = { refuses: true, taken: [] as string[], asked: 0 };
  const log = {
    append: async ({ id }: NewEvent) => {
      state.asked += 1;
      if (state.refuses) throw new Error('no room');
      state.taken.push(id);
    },
  } as unknown as EventLog;
  return { teller: createTeller({ log, logger }), state, lines };
}

describe('telling the log', () => {
  it('keeps what was refused in its order, asks with one event while the log refuses, and says so once', async () => {
    const { teller, state, lines } = set();
    for (const id of ['a', 'b', 'c']) teller.tell(event(id));
    await expect.poll(() => teller.refused).toBe(3);
    expect(lines.map(({ msg }) => msg)).toEqual(['the event log refuses an event; trying again']);
    const before = state.asked;
    teller.again();
    teller.again();
    expect(state.asked - before).toBe(1);
    state.refuses = false;
    await teller.finish();
    expect(state.taken).toEqual(['a', 'b', 'c']);
    expect(teller.refused).toBe(0);
  });

  it('says at the end what it had to give up', async () => {
    const { teller, lines } = set();
    teller.tell(event('a'));
    await teller.finish();
    expect(lines.at(-1)).toMatchObject({ msg: 'events could not be logged, and are given up', events: 1 });
  });

  it('keeps no more than it can bear, and says what it could not keep', async () => {
    const { teller, lines } = set();
    for (let i = 0; i < 10_001; i += 1) teller.tell(event(String(i)));
    await expect.poll(() => lines.length).toBe(2);
    expect(teller.refused).toBe(10_000);
    expect(lines.at(-1)?.msg).toBe('an event could not be logged, and is given up');
  });
});
