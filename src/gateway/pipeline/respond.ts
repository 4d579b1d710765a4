/** Writes a reply in the client's dialect, streamed with back-pressure or whole. */
import type { ServerResponse } from 'node:http';
import type { AppError } from '../../errors.js';
import { isOutput, type ModelEvent, type ModelEvents } from '../../upstreams/define.js';
import type { Dialect, RenderContext } from '../dialects/define.js';
import { drained, sendJson } from '../http.js';
import type { KeepAlives } from './keepAlive.js';
import type { Run } from './run.js';

export const streamHead = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

export interface Reply {
  /** Writes everything; throws what the events throw. Leaves the response open for `end` or `fail`. */
  write(reply: AsyncIterable<ModelEvents>): Promise<void>;
  /** Ends a whole reply. */
  end(): void;
  /** Ends with an error: in-stream once the stream has begun, else with its status. */
  fail(error: AppError): void;
}

type Deps = { keepAlives: KeepAlives; monotonic: () => number };

export function streamReply(run: Run, dialect: Dialect, context: RenderContext, res: ServerResponse, deps: Deps): Reply {
  const renderer = dialect.stream(context);
  const begin = (): string => {
    if (res.headersSent) return '';
    res.writeHead(200, streamHead);
    return renderer.start();
  };
  const alive = deps.keepAlives.add(() => {
    // A reader that takes nothing needs no proof of life, and must not grow our memory.
    if (!res.writableNeedDrain && !res.writableEnded && !res.destroyed) res.write(begin() + renderer.keepAlive());
  });
  return {
    async write(reply) {
      for await (const events of reply) {
        // What came together leaves together: one write, whatever it holds.
        let text = begin();
        for (const event of events) text += renderer.event(event);
        if (text === '') continue;
        if (run.firstOutputMono === null && events.some(isOutput)) run.firstOutputMono = deps.monotonic();
        alive.touch();
        if (!res.write(text)) await drained(res);
      }
    },
    end() {
      alive.end();
      if (!res.destroyed) res.end(begin() + renderer.end());
    },
    fail(error) {
      alive.end();
      if (res.destroyed) return;
      if (res.headersSent) res.end(renderer.fail(error));
      else sendError(dialect, error, context.requestId, res);
    },
  };
}

export function wholeReply(run: Run, dialect: Dialect, context: RenderContext, res: ServerResponse, deps: Deps): Reply {
  const collected: ModelEvent[] = [];
  return {
    async write(reply) {
      for await (const events of reply) for (const event of events) collect(collected, event);
    },
    end() {
      run.firstOutputMono ??= deps.monotonic();
      sendJson(res, 200, dialect.whole(context, collected));
    },
    fail: (error) => sendError(dialect, error, context.requestId, res),
  };
}

/** Neighbouring pieces of one text are one: a long reply is a few strings, not ten thousand objects. */
function collect(collected: ModelEvent[], event: ModelEvent): void {
  const last = collected.at(-1);
  if (last && event.type === 'text' && last.type === 'text')
    collected[collected.length - 1] = { type: 'text', text: last.text + event.text };
  else if (last && event.type === 'thinking' && last.type === 'thinking') {
    collected[collected.length - 1] = { type: 'thinking', text: last.text + event.text };
  } else if (last && event.type === 'tool_input' && last.type === 'tool_input' && last.id === event.id) {
    collected[collected.length - 1] = { type: 'tool_input', id: event.id, json: last.json + event.json };
  } else collected.push(event);
}

/** Answers an error in the dialect's own shape, with `Retry-After` where there is one. */
export function sendError(dialect: Pick<Dialect, 'error'>, error: AppError, requestId: string, res: ServerResponse): void {
  const { status, body } = dialect.error(error, requestId);
  sendJson(res, status, body, error.retryAfterSeconds === undefined ? {} : { 'retry-after': error.retryAfterSeconds });
}
