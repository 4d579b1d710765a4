/** Brings what the outbox holds into the streams: one call under way at a time, sent when the one before was answered. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { RedisConnection, RedisReply } from '../../../infra/redis/connection.js';
import type { LogScripts } from './calls.js';
import { archivedKey, isBeyondClocks, isStreamId, laterId, producersKey, streamKey } from './keys.js';
import type { Lane, NumberedValues, Recovery } from './lane.js';
import type { Outbox } from './outbox.js';
import { createUsedUp, type UsedUp } from './usedUp.js';

/** Caps of one call: the server runs nothing else meanwhile, and memory is only checked before it. */
const MOST_EVENTS = 500;
const MOST_CHARACTERS = 512 * 1024;
/** Producers asked for in one call. */
const MOST_LANES = 200;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

export interface Recovered {
  readonly partition: string;
  /** Entries that were appended again, or at last. */
  readonly reappended: number;
  /** `hole`: entries are missing that nobody has. */
  readonly reason: Recovery['reason'] | 'hole';
}

export interface SenderDeps {
  readonly redis: RedisConnection;
  readonly scripts: LogScripts;
  readonly outbox: Outbox;
  readonly logger: Logger | undefined;
  readonly onRecovered: (what: Recovered) => void;
  /** Entries that Redis had are missing: releases what the archive has before they are sent again. Never rejects. */
  readonly onLost: () => Promise<void>;
}

interface LaneBatch {
  readonly lane: Lane;
  readonly entries: readonly NumberedValues[];
}

interface Batch {
  readonly lanes: readonly LaneBatch[];
  /** Nothing is left to send behind it. */
  readonly complete: boolean;
}

export class Sender {
  readonly #deps: SenderDeps;
  /** The highest archived position that is known of each partition: nothing is appended before it. */
  readonly #floors = new Map<string, string>();
  #running: Promise<void> | null = null;
  #askWanted = false;
  #lost = false;
  /** Redis takes nothing: everything goes to disk as well, until what waits is through. */
  #down = false;
  /** The last call failed. */
  #failing = false;
  #pause = 0;
  #closed = false;
  #wake: () => void = () => undefined;
  readonly #usedUp: UsedUp;
  #turn = 0;

  constructor(deps: SenderDeps) {
    this.#deps = deps;
    this.#usedUp = createUsedUp(deps);
  }

  /** Whether Redis took what it was sent last. */
  get isUp(): boolean {
    return !this.#down;
  }

  /** Something waits to be sent. */
  kick(): void {
    if (this.#running || this.#closed) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      // What came between the last look and now.
      if (!this.#closed && (this.#askWanted || this.#deps.outbox.held().some((lane) => lane.hasUnsent))) this.kick();
    });
  }

  /** Learns what the streams and the archive have of what is held. */
  ask(): void {
    this.#askWanted = true;
    this.kick();
  }

  /** Resolves when nothing more can be sent now: everything is, or Redis takes nothing. */
  async flushed(): Promise<void> {
    while (this.#running && !this.#failing) await Promise.race([this.#running, wait(20)]);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    return this.#running ?? Promise.resolve();
  }

  /** A position in the archive, from wherever it is known. */
  raiseFloor(partition: string, cursor: string): void {
    // Behind a hand-made id at the end of all ids nothing could ever be appended.
    if (!isStreamId(cursor) || isBeyondClocks(cursor)) return;
    this.#floors.set(partition, laterId(this.#floors.get(partition) ?? cursor, cursor));
  }

  async #run(): Promise<void> {
    // Appends of the same turn go together.
    await Promise.resolve();
    while (!this.#closed) {
      if (this.#failing && !(await this.#rested())) continue;
      try {
        if (!(await this.#step())) return;
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  /** Answers whether there may be more to do. */
  async #step(): Promise<boolean> {
    const { outbox } = this.#deps;
    if (this.#askWanted) {
      this.#askWanted = false;
      await this.#ask();
    }
    if (this.#lost) {
      this.#lost = false;
      await this.#deps.onLost();
    }
    const batch = await this.#build();
    if (batch) await this.#send(batch);
    this.#failing = false;
    this.#pause = 0;
    if (this.#down && (!batch || batch.complete)) this.#up();
    if (!batch) outbox.unload();
    return batch !== null || this.#askWanted;
  }

  async #ask(): Promise<void> {
    const { redis, scripts, outbox } = this.#deps;
    const wasFailing = this.#failing;
    const lanes = outbox.held();
    // Also with nothing held: it shows whether Redis answers.
    for (let at = 0; at === 0 || at < lanes.length; at += MOST_LANES) {
      const some = lanes.slice(at, at + MOST_LANES);
      const keys = some.flatMap(({ partition }) => [streamKey(partition), producersKey(partition), archivedKey(partition)]);
      const reply = await redis.run(
        scripts.askProducers,
        keys,
        some.map(({ src }) => src),
      );
      this.#learn(some, reply);
    }
    if (wasFailing) for (const lane of lanes) markReconnected(lane);
  }

  async #build(): Promise<Batch | null> {
    const unsent = this.#deps.outbox.held().filter((lane) => lane.hasUnsent);
    if (unsent.length === 0) return null;
    const lanes: LaneBatch[] = [];
    let events = 0;
    let characters = 0;
    let complete = true;
    // A busy lane must not keep the others waiting: each call begins with the next one.
    const first = this.#turn++ % unsent.length;
    for (const lane of [...unsent.slice(first), ...unsent.slice(0, first)]) {
      if (events >= MOST_EVENTS || characters >= MOST_CHARACTERS) {
        complete = false;
        break;
      }
      const entries: NumberedValues[] = [];
      for (const entry of await this.#deps.outbox.take(lane, MOST_EVENTS - events)) {
        if (characters >= MOST_CHARACTERS) break;
        entries.push(entry);
        characters += entry.values[0].length + entry.values[1].length;
      }
      events += entries.length;
      if (entries.length > 0) lanes.push({ lane, entries });
      if ((entries.at(-1)?.n ?? lane.last) < lane.last) complete = false;
    }
    return { lanes, complete };
  }

  async #send({ lanes }: Batch): Promise<void> {
    if (lanes.length === 0) return;
    const keys: string[] = [];
    const args: string[] = [];
    for (const { lane, entries } of lanes) {
      keys.push(streamKey(lane.partition), producersKey(lane.partition), archivedKey(lane.partition));
      args.push(lane.src, `${lane.before}`, this.#floors.get(lane.partition) ?? '', '', `${entries.length}`);
      for (const { values } of entries) args.push(values[0], values[1]);
    }
    const reply = await this.#deps.redis.run(this.#deps.scripts.appendEvents, keys, args);
    this.#learn(
      lanes.map(({ lane }) => lane),
      reply,
    );
  }

  #learn(lanes: readonly Lane[], reply: RedisReply): void {
    const answers = Array.isArray(reply) ? (reply as readonly RedisReply[]) : [];
    for (const [index, lane] of lanes.entries()) {
      const [known, archived, cursor] = answers.slice(index * 3, index * 3 + 3);
      if (typeof known !== 'number' || typeof archived !== 'number') throw new Error('the append script answered something else');
      if (typeof cursor === 'string') this.raiseFloor(lane.partition, cursor);
      if (lane.confirmed !== null && known < lane.confirmed) this.#hole(lane, known, lane.confirmed);
      this.#deps.outbox.confirm(lane, known);
      lane.sent = known;
      this.#deps.outbox.release(lane, archived);
      this.settleRecovery(lane);
    }
  }

  /** The stream has lost what it had. */
  #hole(lane: Lane, known: number, confirmed: number): void {
    const upTo = Math.max(confirmed, lane.recovery?.upTo ?? 0);
    lane.recovery = { reason: known === 0 ? 'empty' : 'rolled_back', upTo, reappended: lane.countBetween(known, upTo) };
    this.#lost = true;
    this.#deps.logger?.warn(
      { partition: lane.partition, src: lane.src, had: confirmed, has: known },
      'the event stream has lost entries; those that are not archived are appended again',
    );
  }

  /** Tells of a recovery once it is complete. */
  settleRecovery(lane: Lane): void {
    const { recovery } = lane;
    if (!recovery || (lane.sent < recovery.upTo && lane.archived < recovery.upTo && !lane.isEmpty)) return;
    lane.recovery = null;
    this.#deps.onRecovered({ partition: lane.partition, reappended: recovery.reappended, reason: recovery.reason });
  }

  #failed(error: unknown): void {
    this.#failing = true;
    // Whether the call ran is not known.
    this.#askWanted = true;
    void this.#usedUp.look(
      error,
      this.#deps.outbox.held().map(({ partition }) => partition),
    );
    if (this.#down || this.#closed) return;
    this.#down = true;
    this.#deps.outbox.spooling = true;
    this.#deps.outbox.spoolUnsettled();
    void this.#deps.outbox.spoolRest();
    this.#deps.logger?.warn({ err: error }, 'Redis does not take events; they go to the spool');
  }

  #up(): void {
    this.#down = false;
    this.#deps.outbox.spooling = false;
    this.#deps.logger?.info('Redis takes events again');
  }

  /** Waits a while, longer each time; answers whether a try makes sense. */
  async #rested(): Promise<boolean> {
    this.#pause = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pause * 2));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#pause);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return this.#deps.redis.isReady();
  }
}

function markReconnected(lane: Lane): void {
  if (lane.hasUnsent && !lane.recovery) {
    lane.recovery = { reason: 'reconnected', upTo: lane.last, reappended: lane.countBetween(lane.sent, lane.last) };
  }
}
