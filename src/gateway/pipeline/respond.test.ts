import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../errors.js';
import type { ModelEvent, ModelEvents } from '../../upstreams/define.js';
import { apart } from '../../upstreams/testing/events.js';
import type { Dialect, RenderContext, StreamRenderer } from '../dialects/define.js';
import type { KeepAlives } from './keepAlive.js';
import { streamReply, wholeReply } from './respond.js';
import type { Run } from './run.js';
import { stop, text, usage } from './testing/kit.js';

/** A response that takes as much as the test lets it take. */
class FakeResponse extends EventEmitter {
  /** What was handed over, in order. */
  readonly written: string[] = [];
  headersSent = false;
  writableNeedDrain = false;
  writableEnded = false;
  destroyed = false;
  status = 0;
  headers: Record<string, unknown> = {};
  /** The reader stopped: every write fills the buffer. */
  full = false;

  setHeader(): void {}

  writeHead(status: number, headers: Record<string, unknown>): this {
    this.status = status;
    this.headers = headers;
    this.headersSent = true;
    return this;
  }

  write(piece: string): boolean {
    this.written.push(piece);
    this.writableNeedDrain = this.full;
    return !this.full;
  }

  end(piece?: string): this {
    if (piece !== undefined) this.written.push(piece);
    this.writableEnded = true;
    return this;
  }

  /** The reader goes on. */
  take(): void {
    this.full = false;
    this.writableNeedDrain = false;
    this.emit('drain');
  }

  leave(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

/** Renders so that a test can read it. */
const dialect: Dialect = {
  name: 'openai_chat',
  endpoint: '/v1/test',
  parse: () => {
    throw new Error('not in this test');
  },
  stream(): StreamRenderer {
    return {
      start: () => '<start>',
      event: (event) => (event.type === 'usage' ? '' : event.type === 'text' ? event.text : `<${event.type}>`),
      keepAlive: () => '<ping>',
      fail: (error) => `<error ${error.code}>`,
      end: () => '<end>',
    };
  },
  whole: (_context, events) => ({ events }),
  error: (error) => ({ status: error.status, body: { code: error.code } }),
};
const context: RenderContext = { requestId: 'r', model: 'm', inputTokensEstimate: 1, createdAt: 0, options: {} };

let res: FakeResponse;
let run: Run;
let beat: () => void;
let touched: number;
let ended: number;
beforeEach(() => {
  res = new FakeResponse();
  run = { firstOutputMono: null } as Run;
  touched = 0;
  ended = 0;
});
const keepAlives: KeepAlives = {
  add(callback) {
    beat = callback;
    return {
      touch: () => {
        touched += 1;
      },
      end: () => {
        ended += 1;
      },
    };
  },
  close: () => undefined,
};
const reply = (kind: typeof streamReply = streamReply) =>
  kind(run, dialect, context, res as unknown as ServerResponse, { keepAlives, monotonic: () => 42 });

/** Counts how many were pulled. */
function source(events: readonly ModelEvent[]): { pulled: number; events: AsyncIterable<ModelEvents> } {
  const counter = { pulled: 0, events: apart(emit()) };
  async function* emit(): AsyncGenerator<ModelEvent> {
    for (const event of events) {
      counter.pulled += 1;
      yield event;
    }
  }
  return counter;
}
/** Everything that can go on without the reader has gone on. */
const settledDown = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
};

describe('a streamed reply', () => {
  it('begins with the first event, goes on as events come, and ends', async () => {
    const one = reply();
    await one.write(source([text('a'), usage, text('b'), stop]).events);
    one.end();
    expect(res.status).toBe(200);
    expect(res.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    expect(res.written).toEqual(['<start>a', 'b', '<stop>', '<end>']);
    expect(run.firstOutputMono).toBe(42);
    expect(ended).toBe(1);
  });

  it('writes at once what came together', async () => {
    async function* lists(): AsyncGenerator<ModelEvents> {
      yield [text('a'), usage, text('b')];
      yield [text('c'), stop];
    }
    const one = reply();
    await one.write(lists());
    one.end();
    expect(res.written).toEqual(['<start>ab', 'c<stop>', '<end>']);
  });

  it('stops pulling from the upstream while its reader takes nothing (pitfall 49)', async () => {
    const many = source(Array.from({ length: 1_000 }, (_, i) => text(`${i} `)));
    res.full = true;
    const writing = reply().write(many.events);
    await settledDown();
    expect(many.pulled).toBe(1);
    res.emit('drain'); // room for one more
    await settledDown();
    expect(many.pulled).toBe(2);
    expect(res.listenerCount('drain')).toBe(1);
    res.take();
    await writing;
    expect(many.pulled).toBe(1_000);
    expect(res.listenerCount('drain')).toBe(0);
    expect(res.listenerCount('close')).toBe(0);
  });

  it('is not waited for when its reader leaves instead', async () => {
    res.full = true;
    const writing = reply().write(source([text('a'), text('b')]).events);
    await settledDown();
    res.leave();
    await writing;
  });

  it('keeps a silent stream alive from before the first output, and does not count that as output (pitfall 46)', async () => {
    const one = reply();
    beat();
    beat();
    expect(res.written).toEqual(['<start><ping>', '<ping>']);
    expect(run.firstOutputMono).toBeNull();
    await one.write(source([text('a')]).events);
    expect(res.written.at(-1)).toBe('a');
    expect(touched).toBe(1);
  });

  it('writes no keep-alive to a reader that takes nothing, nor to one that is gone or served', async () => {
    const one = reply();
    res.full = true;
    const writing = one.write(source([text('a'), stop]).events);
    await settledDown();
    for (let i = 0; i < 100; i += 1) beat();
    expect(res.written).toEqual(['<start>a']);
    res.take();
    await writing;
    one.end();
    beat();
    expect(res.written).toEqual(['<start>a', '<stop>', '<end>']);
    const gone = new FakeResponse();
    res = gone;
    reply();
    gone.leave();
    beat();
    expect(gone.written).toEqual([]);
  });

  it('fails with its status before it began, and in the stream after', async () => {
    reply().fail(new AppError('pool_exhausted', { retryAfterSeconds: 7 }));
    expect(res.status).toBe(429);
    expect(res.headers).toMatchObject({ 'retry-after': 7 });
    expect(res.written).toEqual(['{"code":"pool_exhausted"}']);

    res = new FakeResponse();
    const begun = reply();
    beat();
    begun.fail(new AppError('upstream_error'));
    expect(res.status).toBe(200);
    expect(res.written).toEqual(['<start><ping>', '<error upstream_error>']);
    expect(res.writableEnded).toBe(true);
  });

  it('lets what the upstream throws pass, and stays open for the error', async () => {
    const one = reply();
    async function* broken(): AsyncGenerator<ModelEvent> {
      yield text('half');
      throw new Error('cut');
    }
    await expect(one.write(apart(broken()))).rejects.toThrow('cut');
    expect(res.writableEnded).toBe(false);
    one.fail(new AppError('upstream_error'));
    expect(res.written).toEqual(['<start>half', '<error upstream_error>']);
  });

  it('writes nothing to a client that is gone', async () => {
    const one = reply();
    res.leave();
    one.fail(new AppError('client_closed'));
    one.end();
    expect(res.written).toEqual([]);
  });
});

describe('a whole reply', () => {
  it('is sent when it is complete, with neighbouring pieces joined', async () => {
    const one = reply(wholeReply);
    const pieces: readonly ModelEvent[] = [
      { type: 'thinking', text: 'h' },
      { type: 'thinking', text: 'm' },
      text('a'),
      text('b'),
      { type: 'tool_start', id: 't', name: 'f' },
      { type: 'tool_input', id: 't', json: '{' },
      { type: 'tool_input', id: 't', json: '}' },
      { type: 'tool_input', id: 'u', json: '{}' },
      text('c'),
      stop,
    ];
    await one.write(source(pieces).events);
    expect(res.written).toEqual([]);
    one.end();
    const { events } = JSON.parse(res.written.join('')) as { events: ModelEvent[] };
    expect(events).toEqual([
      { type: 'thinking', text: 'hm' },
      text('ab'),
      { type: 'tool_start', id: 't', name: 'f' },
      { type: 'tool_input', id: 't', json: '{}' },
      { type: 'tool_input', id: 'u', json: '{}' },
      text('c'),
      stop,
    ]);
    expect(run.firstOutputMono).toBe(42);
  });

  it('that fails half-way is an error with its status, and no output was delivered', async () => {
    const one = reply(wholeReply);
    async function* broken(): AsyncGenerator<ModelEvent> {
      yield text('half');
      throw new Error('cut');
    }
    await expect(one.write(apart(broken()))).rejects.toThrow('cut');
    one.fail(new AppError('upstream_error'));
    expect(res.status).toBe(502);
    expect(run.firstOutputMono).toBeNull();
  });
});
