import pino from 'pino';
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../events/define.js';
import type { EventLog } from '../../events/log/port.js';
import { record } from './record.js';

const event = { id: 'e1', type: 'kirogate.token.used' } as NewEvent;
const logger = pino({ level: 'silent' });

function logThatRefuses(times: number): { log: EventLog; taken: string[]; refused: () => number } {
  const taken: string[] = [];
  let refused = 0;
  const append = (offered: NewEvent): Promise<void> => {
    if (refused < times) {
      refused += 1;
      return Promise.reject(new Error('full'));
    }
    taken.push(offered.id);
    return Promise.resolve();
  };
  return { log: { append } as unknown as EventLog, taken, refused: () => refused };
}

describe('a terminal event', () => {
  it('is offered again until the log takes it, once', async () => {
    const { log, taken, refused } = logThatRefuses(2);
    await record(event, { log, logger, stopped: new AbortController().signal });
    expect({ taken, refused: refused() }).toEqual({ taken: ['e1'], refused: 2 });
  });

  it('is given up when the node stops, after one last try', async () => {
    const { log, taken, refused } = logThatRefuses(Number.POSITIVE_INFINITY);
    const stop = new AbortController();
    const recording = record(event, { log, logger, stopped: stop.signal });
    await expect.poll(refused).toBe(1);
    stop.abort();
    await expect(recording).rejects.toThrow('full');
    expect({ taken, refused: refused() }).toEqual({ taken: [], refused: 2 });
  });
});
