/** Follows the archive for one listener: what is stored first, then what comes, with back-pressure and keep-alives. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '../../errors.js';
import { type ArchiveQuery, headCursor, readArchive, toCloudEvent } from '../../events/archive.js';
import type { PanelContext } from './deps.js';

const pageSize = 200;
/** How soon an archived event is seen by a listener that has caught up. */
const lookMs = 250;
/** Proxies cut connections that are silent for a minute. */
const keepAliveMs = 15_000;
/** Each listener looks into the database four times a second. */
const mostListeners = 100;

/** As a cursor: only what is archived from now on. A page that shows what is stored already asks for no more. */
const fromNow = 'now';

type Context = Pick<PanelContext, 'clock' | 'db' | 'listeners' | 'logger'>;

/** Reads the first page at once, so that a bad cursor is still a 400. Throws `storage_unavailable` when too many listen. */
export async function followArchive(
  asked: Omit<ArchiveQuery, 'limit'>,
  context: Context,
): Promise<(response: ServerResponse, signal: AbortSignal) => Promise<void>> {
  if (context.listeners.count >= mostListeners) {
    throw new AppError('storage_unavailable', {
      message: `At most ${mostListeners} event streams are open on a node.`,
      retryAfterSeconds: 30,
    });
  }
  const query = asked.after === fromNow ? { ...asked, after: await headCursor(context.db) } : asked;
  await readArchive(context.db, { ...query, limit: 1 });
  return async (response, signal) => {
    context.listeners.count += 1;
    try {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
      response.write('retry: 2000\n\n');
      await follow(query, response, signal, context);
    } catch (error) {
      // The listener left, or the store is gone: it resumes by itself from its last id.
      if (!signal.aborted) context.logger.warn({ err: error }, 'an event stream ended early');
    } finally {
      context.listeners.count -= 1;
      response.end();
    }
  };
}

async function follow(query: Omit<ArchiveQuery, 'limit'>, response: ServerResponse, signal: AbortSignal, context: Context): Promise<void> {
  let after = query.after;
  let spoke = context.clock.monotonic();
  while (!signal.aborted) {
    // Taken before the look: what is archived meanwhile lies behind it.
    const head = await headCursor(context.db);
    if (head !== after) {
      const page = await readArchive(context.db, { ...query, ...(after === undefined ? {} : { after }), limit: pageSize });
      let text = '';
      for (const { event, cursor } of page.items) {
        text += `id: ${cursor}\nevent: ${event.type}\ndata: ${JSON.stringify({ ...toCloudEvent(event), cursor })}\n\n`;
      }
      after = page.next ?? page.items.at(-1)?.cursor ?? head;
      if (text !== '') {
        spoke = context.clock.monotonic();
        await send(response, text, signal);
      }
      if (page.next !== null) continue;
    }
    if (context.clock.monotonic() - spoke >= keepAliveMs) {
      spoke = context.clock.monotonic();
      // An id without data is no event, and moves the place to resume from on.
      await send(response, `: keep-alive\n${after === undefined ? '' : `id: ${after}\n`}\n`, signal);
    }
    await wait(lookMs, undefined, { signal });
  }
}

async function send(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (!response.write(text)) await once(response, 'drain', { signal });
}
