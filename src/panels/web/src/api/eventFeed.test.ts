/** The event stream of a page: what it asks for, what it passes on, and how it comes back. */
import { describe, expect, it } from 'vitest';
import { createEventFeed } from './eventFeed.js';

/** Stands in for the browser's EventSource; the test plays the server. */
class Source {
  readonly CLOSED = 2;
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  readonly #listeners = new Map<string, (message: { data: string; lastEventId: string }) => void>();

  constructor(readonly url: string) {}

  addEventListener(type: string, listener: (message: { data: string; lastEventId: string }) => void): void {
    this.#listeners.set(type, listener);
  }
  close(): void {
    this.readyState = 2;
  }
  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  sends(type: string, data: string, lastEventId: string): void {
    this.#listeners.get(type)?.({ data, lastEventId });
  }
  /** `refused`: an HTTP error, after which the browser gives up; else it connects again by itself. */
  fails(refused: boolean): void {
    this.readyState = refused ? 2 : 0;
    this.onerror?.();
  }
}

function start() {
  const sources: Source[] = [];
  const waits: { ms: number; at: number; run: () => void; over: boolean }[] = [];
  const told: unknown[] = [];
  const clock = { ms: 0 };
  const feed = createEventFeed({
    url: '/stream',
    types: ['a', 'b'],
    onEvent: (event) => told.push(event),
    onState: (state) => told.push(state),
    onBack: () => told.push('back'),
    onRefused: () => told.push('refused'),
    open(url) {
      const source = new Source(url);
      sources.push(source);
      return source as unknown as EventSource;
    },
    now: () => clock.ms,
    later(ms, run) {
      const wait = { ms, at: clock.ms + ms, run, over: false };
      waits.push(wait);
      return () => {
        wait.over = true;
      };
    },
  });
  const source = (index: number): Source => {
    const found = sources[index];
    if (found === undefined) throw new Error(`only ${sources.length} connections were made`);
    return found;
  };
  /** How long it waited before each new attempt; the rest are watches for silence. */
  const retries = () => waits.filter(({ ms }) => ms <= 30_000);
  const passes = (ms: number): void => {
    clock.ms += ms;
    for (const wait of waits.filter(({ at, over }) => !over && at <= clock.ms)) {
      wait.over = true;
      wait.run();
    }
  };
  return { feed, sources, source, retries, passes, told };
}

describe('the event stream of a page', () => {
  it('asks for its types from now on, and has everything read again once it is open', () => {
    const { source, told } = start();
    expect(source(0).url).toBe('/stream?types=a%2Cb&after=now&keepAlive=event');
    source(0).opens();
    source(0).sends('a', '{"n":1}', 'p0:1');
    source(0).sends('b', 'no JSON', 'p0:2');
    expect(told).toEqual(['open', 'back', { type: 'a', id: 'p0:1', data: { n: 1 } }, { type: 'b', id: 'p0:2', data: null }]);
  });

  it('is lost while the browser connects again, and then everything is read again', () => {
    const { source, sources, told } = start();
    source(0).opens();
    source(0).fails(false);
    source(0).opens();
    expect([told, sources.length]).toEqual([['open', 'back', 'lost', 'open', 'back'], 1]);
  });

  it('says when it is refused, tries again ever later, and goes on behind the last event', () => {
    const { source, retries, told } = start();
    source(0).opens();
    source(0).sends('a', '1', 'p0:7');
    source(0).fails(true);
    expect(told.slice(-2)).toEqual(['lost', 'refused']);
    for (const i of [0, 1, 2, 3, 4, 5]) {
      retries()[i]?.run();
      source(i + 1).fails(true);
    }
    expect(retries().map(({ ms }) => ms)).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    expect(source(6).url).toContain('after=p0%3A7');
    retries()[6]?.run();
    source(7).opens();
    source(7).fails(true);
    expect(retries()[7]?.ms).toBe(2_000);
  });

  it('holds no connection while its tab is hidden, and none after its end', () => {
    const { feed, source, sources, retries } = start();
    source(0).fails(true);
    feed.pause();
    expect(retries()[0]?.over).toBe(true);
    feed.resume();
    feed.resume();
    expect(sources).toHaveLength(2);
    feed.close();
    expect(source(1).readyState).toBe(2);
  });

  it('is lost when nothing was heard for two and a half keep-alives, and connects anew', () => {
    const { source, sources, passes, told } = start();
    source(0).opens();
    for (let beat = 0; beat < 5; beat += 1) {
      passes(15_000);
      source(0).sends('keep-alive', '{}', `p0:${beat}`);
    }
    expect([told, sources.length]).toEqual([['open', 'back'], 1]);
    passes(37_500);
    expect([told.at(-1), source(0).readyState, sources.length]).toEqual(['lost', 2, 2]);
    expect(source(1).url).toContain('after=p0%3A4');
    source(1).opens();
    expect(told.slice(-2)).toEqual(['open', 'back']);
  });

  it('is lost when nobody answers at all, also when its tab is seen again', () => {
    const { feed, source, sources, passes, told } = start();
    passes(37_500);
    expect([told, sources.length]).toEqual([['lost'], 2]);
    source(1).opens();
    feed.pause();
    passes(600_000);
    feed.resume();
    expect([told.at(-1), sources.length]).toEqual(['connecting', 3]);
    passes(37_500);
    expect([told.at(-1), sources.length]).toEqual(['lost', 4]);
    feed.close();
    passes(600_000);
    expect(sources).toHaveLength(4);
  });
});
