import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NewEvent } from '../../events/define.js';
import type { EventLog } from '../../events/log/port.js';
import { createIds } from '../../shared/ids.js';
import { createRefusals, OTHER_MODELS, type RefusedRequest } from './refusals.js';

interface Data {
  count: number;
  model: string;
  latencyUs: number;
}

let time = 0;
const clock = { now: () => 1_795_392_000_000 + time, monotonic: () => time };
let events: NewEvent[] = [];
let refuses = false;
const log = {
  append: (event: NewEvent) => (refuses ? Promise.reject(new Error('no room')) : Promise.resolve(void events.push(event))),
} as unknown as EventLog;
const refused = (over: Partial<RefusedRequest> = {}): RefusedRequest => ({
  requestId: 'r',
  caller: { userId: 'u', keyId: 'k' },
  address: '198.51.100.7',
  endpoint: '/v1/messages',
  model: 'claude',
  stream: false,
  status: 429,
  code: 'pool_exhausted',
  startedAt: 0,
  latencyUs: 10,
  ...over,
});
const counts = (): number[] => events.map((event) => (event.data as Data).count);

beforeEach(() => {
  vi.useFakeTimers();
  time = 0;
  events = [];
  refuses = false;
});
afterEach(() => vi.useRealTimers());

function advance(ms: number): void {
  time += ms;
  vi.advanceTimersByTime(ms);
}
const create = () =>
  createRefusals({ log, ids: createIds(clock), clock, nodeId: 'n', logger: pino({ level: 'silent' }), addressSalt: 'salt' });

describe('refusals', () => {
  it('are an event at once the first time, and one a minute with the count after', () => {
    const refusals = create();
    for (let i = 0; i < 100; i += 1) refusals.record(refused());
    expect(counts()).toEqual([1]);
    advance(61_000);
    expect(counts()).toEqual([1, 99]);
    expect(events[1]?.data).toMatchObject({ latencyUs: 990 });
  });

  it('count every refusal exactly once, however they are spread over time', async () => {
    const refusals = create();
    for (let i = 0; i < 500; i += 1) {
      refusals.record(refused({ code: i % 3 === 0 ? 'quota_exceeded' : 'pool_exhausted' }));
      advance(1_700);
    }
    await refusals.close();
    expect(counts().reduce((sum, n) => sum + n, 0)).toBe(500);
    expect(events.length).toBeLessThan(40);
  });

  it('do not let made-up model names fill the archive', async () => {
    const refusals = create();
    for (let i = 0; i < 1000; i += 1) refusals.record(refused({ model: `made-up-${i}` }));
    await refusals.close();
    expect(events.length).toBeLessThanOrEqual(10);
    expect(events.some((event) => (event.data as Data).model === OTHER_MODELS)).toBe(true);
    expect(counts().reduce((sum, n) => sum + n, 0)).toBe(1000);
  });

  it('are told once the log takes events again, each counted once and in few events, however long it refused', async () => {
    const refusals = create();
    refuses = true;
    for (let minute = 0; minute < 30; minute += 1) {
      for (let i = 0; i < 10; i += 1) refusals.record(refused());
      refusals.record(refused({ caller: { userId: 'u', keyId: `k${minute}` } }));
      await vi.advanceTimersByTimeAsync(60_000);
      time += 60_000;
    }
    expect(events).toEqual([]);
    refuses = false;
    for (let second = 0; second < 3; second += 1) {
      time += 1_000;
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await refusals.close();
    expect(counts().reduce((sum, n) => sum + n, 0)).toBe(30 * 11);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(events.length).toBeLessThanOrEqual(32);
  });

  it('name an unknown caller by a keyed hash, never by its address', async () => {
    const refusals = create();
    refusals.record(refused({ caller: null, code: 'invalid_api_key', status: 401 }));
    await refusals.close();
    expect(events[0]?.subject).toMatch(/^ip\/[0-9a-f]{16}$/);
    expect(JSON.stringify(events)).not.toContain('198.51.100.7');
  });

  it('are a bounded number of events under a flood of addresses', async () => {
    const refusals = create();
    for (let i = 0; i < 10_500; i += 1) refusals.record(refused({ caller: null, address: `2001:db8::${i.toString(16)}` }));
    await refusals.close();
    expect(counts().reduce((sum, n) => sum + n, 0)).toBe(10_500);
    expect(events.length).toBeLessThanOrEqual(1_002);
  });
});
