/** The transaction of one batch of log entries, tried again where that helps. */
import type { Logger } from 'pino';
import type { LogEntry } from '../../events/log/port.js';
import type { Database } from '../../infra/database/port.js';
import { type BatchOptions, type BatchResult, ingestBatch, isOfThePlace } from './batch.js';
import { retryCollisions } from './collisions.js';
import { isForContent } from './fold.js';
import { commitApart } from './isolate.js';

/**
 * A batch that fails for its content is taken again with care, which parks the events at fault; and where the archive itself
 * refuses one, apart, until that is found. Throws as `ingestBatch`.
 */
export async function commitBatch(
  { db, logger }: { readonly db: Database; readonly logger: Logger },
  entries: readonly LogEntry[],
  cursors: ReadonlyMap<string, string>,
  options: Omit<BatchOptions, 'careful'>,
): Promise<BatchResult> {
  const run = (careful: boolean, some = entries, from = cursors): Promise<BatchResult> =>
    retryCollisions(() => db.tx((tx) => ingestBatch(tx, some, from, { ...options, careful })));
  try {
    return await run(false);
  } catch (error) {
    if (isOfThePlace(error) || !isForContent(error)) throw error;
    logger.warn({ err: error, events: entries.length }, 'a batch of events could not be written; looking for the ones at fault');
  }
  try {
    return await run(true);
  } catch (error) {
    if (isOfThePlace(error) || !isForContent(error)) throw error;
    return await commitApart((some, from) => run(true, some, from), entries, cursors, options.now);
  }
}
