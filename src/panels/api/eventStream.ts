/** Follows the archive for one listener: what is stored first, then what comes, with back-pressure and keep-alives. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../../errors.js';
import { type ArchiveQuery, headCursor, readArchive } from '../../events/archive.js';
import type { StoredEvent } from '../../events/define.js';
import type { PanelContext } from './deps.js';

const pageSize = 200;
/** How soon an archived event is seen by a listener that has caught up. */
const lookMs = 250;
/** Proxies cut connections that are silent for a minute. The panels take a stream for lost after some two of these without a sign. */
const keepAliveMs = 15_000;
/** Of one caller: a page needs one, and browsers have several pages open. */
const mostOfCaller = 20;
const mostListeners = 1_000;

/** `?keepAlive=event`: as an event, which a page can see. Others get a comment: to them every event is one of the archive. */
export const keepAliveForm = z.literal('event').optional();
/** What such an event is called; no event type is named so. */
const keepAliveName = 'keep-alive';

/** As a cursor: only what is archived from now on. A page that shows what is stored already asks for no more. */
const fromNow = 'now';

type Context = Pick<PanelContext, 'clock' | 'db' | 'feed' | 'listeners' | 'logger'>;

export interface Listener {
  readonly query: Omit<ArchiveQuery, 'limit'>;
  /** Whose streams are counted together. */
  readonly caller: string;
  /** May the caller still listen? Asked at every look, four times a second, so it must not ask a database. */
  readonly stillIn: () => boolean;
  /** Name and data of what the listener sees of an event; null: nothing. */
  readonly show: (event: StoredEvent, cursor: string) => { readonly name: string; readonly data: unknown } | null;
  readonly keepAlive: 'event' | undefined;
}

/** Reads the first page at once, so that a bad cursor is still a 400. Throws `too_many_attempts` when too many listen. */
export async function followArchive(
  listener: Listener,
  context: Context,
): Promise<(response: ServerResponse, signal: AbortSignal) => Promise<void>> {
  const { byCaller } = context.listeners;
  const own = byCaller.get(listener.caller) ?? 0;
  if (context.listeners.count >= mostListeners || own >= mostOfCaller) {
    throw new AppError('too_many_attempts', {
      message: `At most ${mostOfCaller} event streams of one caller, and ${mostListeners} of all, are open on a node.`,
      retryAfterSeconds: 30,
    });
  }
  const { query: asked } = listener;
  const query = asked.after === fromNow ? { ...asked, after: await headCursor(context.db) } : asked;
  await readArchive(context.db, { ...query, limit: 1 });
  return async (response, signal) => {
    count(listener.caller, 1, context);
    try {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
      response.write('retry: 2000\n\n');
      await follow({ ...listener, query }, response, signal, context);
    } catch (error) {
      // The listener left, or the store is gone: it resumes by itself from its last id.
      if (!signal.aborted) context.logger.warn({ err: error }, 'an event stream ended early');
    } finally {
      count(listener.caller, -1, context);
      response.end();
    }
  };
}

function count(caller: string, change: 1 | -1, { listeners }: Context): void {
  listeners.count += change;
  const own = (listeners.byCaller.get(caller) ?? 0) + change;
  if (own > 0) listeners.byCaller.set(caller, own);
  else listeners.byCaller.delete(caller);
}

async function follow(listener: Listener, response: ServerResponse, signal: AbortSignal, context: Context): Promise<void> {
  const { query, show } = listener;
  let after = query.after;
  let setAt = context.clock.monotonic();
  let beatAt = setAt;
  while (!signal.aborted && listener.stillIn()) {
    // Whatever else is said: a page hears only the events that it asked for by name, and waits for this one.
    if (context.clock.monotonic() - beatAt >= keepAliveMs) {
      beatAt = context.clock.monotonic();
      await send(response, keepAliveText(listener, after), signal);
    }
    // Taken before the look: what is archived meanwhile lies behind it.
    const head = await context.feed.head();
    if (head.cursor !== after) {
      const page = await context.feed.page({ ...query, ...(after === undefined ? {} : { after }), limit: pageSize }, head.cursor);
      let text = '';
      for (const { event, cursor } of page.items) {
        const shown = show(event, cursor);
        if (shown !== null) text += `id: ${cursor}\nevent: ${shown.name}\ndata: ${jsonOf(shown.data)}\n\n`;
      }
      const reached = page.next ?? page.items.at(-1)?.cursor;
      if (reached !== undefined) setAt = context.clock.monotonic();
      // A head that others read before we came this far lies behind us, perhaps.
      after = reached ?? (after === undefined || head.at >= setAt ? head.cursor : after);
      if (text !== '') await send(response, text, signal);
      if (page.next !== null) continue;
    }
    await wait(lookMs, undefined, { signal });
  }
}

/** An id without data is no event, and moves the place to resume from on. */
function keepAliveText({ keepAlive }: Listener, after: string | undefined): string {
  const says = keepAlive === 'event' ? `event: ${keepAliveName}\ndata: {}\n` : `: ${keepAliveName}\n`;
  return `${says}${after === undefined ? '' : `id: ${after}\n`}\n`;
}

/** One event that cannot be written must not keep the listener from all behind it. */
function jsonOf(data: unknown): string {
  try {
    return JSON.stringify(data);
  } catch {
    return '{"unreadable":true}';
  }
}

async function send(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (!response.write(text)) await once(response, 'drain', { signal });
}
