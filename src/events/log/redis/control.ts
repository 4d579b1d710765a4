/**
 * Fan-out of control events: the archive's order, each once, whichever node relays. Nothing of ours reads it back as truth but a
 * node that cannot ask the archive, and that only as far as it has no gap.
 */
import type { RedisConnection, RedisReply } from '../../../infra/redis/connection.js';
import { CONTROL_PARTITION, type StoredEvent } from '../../define.js';
import type { LogScripts } from './calls.js';
import { encodeEntry, parseEntry, UnreadableEntry } from './entry.js';
import { archivedKey, isStreamId, producersKey, streamKey } from './keys.js';

/** The one producer of the control stream: the archive, its counter the position. */
const SRC = 'control';
const AT_ONCE = 200;

/**
 * Appends control events in the order of their positions and answers the position that the stream has then; with
 * none it only asks. An answer below the first one's position - 1 says that the stream lacks those before: nothing was
 * appended, go on behind the answer. An empty stream (answer 0) begins wherever the caller begins with `anew`.
 * Rejects when Redis does not take them.
 */
export async function relayControl(
  deps: { readonly redis: RedisConnection; readonly scripts: LogScripts },
  events: readonly StoredEvent[],
  anew: boolean,
): Promise<number> {
  const { redis, scripts } = deps;
  const keys = [streamKey(CONTROL_PARTITION), producersKey(CONTROL_PARTITION), archivedKey(CONTROL_PARTITION)];
  if (events.length === 0) {
    return knownOf(await redis.run(scripts.askProducers, keys, [SRC]));
  }
  let known = 0;
  for (let at = 0; at < events.length; at += AT_ONCE) {
    const some = events.slice(at, at + AT_ONCE);
    const before = at === 0 && anew ? 0 : (some[0]?.position ?? 1) - 1;
    const values = some.flatMap((event) => encodeEntry(event, event.position));
    known = knownOf(await redis.run(scripts.appendEvents, keys, [SRC, before, '', 'pos', some.length, ...values]));
    if (known < before) break;
  }
  return known;
}

function knownOf(reply: RedisReply): number {
  const known = Array.isArray(reply) ? (reply as readonly RedisReply[])[0] : null;
  if (typeof known !== 'number') throw new Error('the append script answered something else');
  return known;
}

const READ_AT_ONCE = 200;
/** A node that is further behind waits for the archive. */
const MOST_READ = 5_000;

/**
 * The control events behind `position` that the stream holds, in order, without a gap from `position + 1` on; none where the next
 * one is not there. What others wrote into the stream is left out. Rejects when Redis does not answer.
 */
export async function readControl(redis: Pick<RedisConnection, 'command'>, position: number): Promise<StoredEvent[]> {
  const found = new Map<number, StoredEvent>();
  let end = '+';
  let reached = false;
  for (let read = 0; read < MOST_READ && !reached; ) {
    const reply = await redis.command('XREVRANGE', streamKey(CONTROL_PARTITION), end, '-', 'COUNT', READ_AT_ONCE);
    const entries = Array.isArray(reply) ? (reply as unknown as readonly [string, RedisReply][]) : [];
    for (const [id, fields] of entries) {
      const event = controlEvent(id, fields);
      if (event === null) continue;
      reached ||= event.position <= position + 1;
      if (event.position > position && !found.has(event.position)) found.set(event.position, event);
    }
    const last = entries.at(-1)?.[0];
    if (last === undefined || !isStreamId(last) || entries.length < READ_AT_ONCE) break;
    read += entries.length;
    end = `(${last}`;
  }
  const events: StoredEvent[] = [];
  for (let event = found.get(position + 1); event !== undefined; event = found.get(event.position + 1)) events.push(event);
  return events;
}

/** null: no entry that the archive's relay wrote. */
function controlEvent(id: string, fields: RedisReply): StoredEvent | null {
  try {
    const { src, n, event } = parseEntry(CONTROL_PARTITION, id, fields);
    return src === SRC ? { ...event, partition: CONTROL_PARTITION, position: n } : null;
  } catch (error) {
    if (error instanceof UnreadableEntry) return null;
    throw error;
  }
}

/** Drops control entries older than the retention: they are in the archive since before they came. */
export async function trimControl(redis: RedisConnection, before: number): Promise<void> {
  await redis.command('XTRIM', streamKey(CONTROL_PARTITION), 'MINID', '~', `${Math.max(0, Math.floor(before))}-0`, 'LIMIT', 10_000);
}
