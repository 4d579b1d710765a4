/** Calls of one node on their way through the database: those that come while a transaction is under way share the next one. */
import { setTimeout as wait } from 'node:timers/promises';
import { AppError } from '../../errors.js';
import type { Database } from '../../infra/database/port.js';
import type { Now } from '../token.js';
import type { LimitsOp } from './ops.js';
import { createReplica, type Replica, type Step } from './replica.js';
import { loadTerm, lockTerm, MovedError, readBatches, readOn, writeBatch } from './store.js';

/** Calls in one transaction. */
const MOST_AT_ONCE = 256;
/** A call that the database does not take in this time is refused; whether it will have been made is then open. */
const GIVE_UP_AFTER_MS = 3_000;
/** Calls that wait; what comes beyond is refused at once. */
const MOST_WAITING = 20_000;
const RETRY_MS = 50;

export interface Lane {
  /** Runs `step` under the lock, on the newest state. `at`: a test's time of the call. Rejects with `storage_unavailable`. */
  run<T>(step: (replica: Replica, now: Now) => Step<T>): Promise<T>;
  /** Runs `look` after what this node has asked before, without the lock. `newest`: also after what the others did. */
  read<T>(look: (replica: Replica, now: Now) => T, newest?: boolean): Promise<T>;
  /** State after the last batch, when nothing is under way; for snapshots. */
  position(): { readonly replica: Replica; readonly seq: number; readonly now: Now; readonly opsSinceSnapshot: number } | undefined;
  /** Waits for what is under way; later calls are refused. */
  close(): Promise<void>;
}

export interface LaneDeps {
  readonly db: Database;
  readonly term: number;
  readonly runId: string;
  readonly random: () => number;
  /** The limits turned out not to live here any more; told once. */
  readonly onMoved: () => void;
  /** After every batch that is committed. */
  readonly onCommitted?: () => void;
  /** For tests: the time of each call. Otherwise the database's clock. */
  readonly stamp?: () => Now;
  /** How long a transaction that failed waits before it is made again, ms. */
  readonly retryMs?: number;
}

interface Waiting {
  readonly kind: 'change' | 'look' | 'newest';
  readonly step: (replica: Replica, now: Now) => Step<unknown>;
  readonly stamp: Now | undefined;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Its caller has been told that it failed. */
  isGone: boolean;
}

interface Live {
  readonly replica: Replica;
  seq: number;
  at: number;
  snapshot: number;
  ops: number;
  /** The database's clock as it was read last, and the monotonic moment of that; batches of others say nothing of now. */
  clock: { readonly at: number; readonly readAt: number };
}

const unavailable = (cause?: unknown): AppError =>
  new AppError('storage_unavailable', { retryAfterSeconds: 1, ...(cause === undefined ? {} : { cause }) });

/** Loads the term's state and opens the lane. Rejects with MovedError where the term is not here. */
export async function openLane(deps: LaneDeps): Promise<Lane> {
  const { db, term, runId, stamp, retryMs = RETRY_MS } = deps;
  const waiting: Waiting[] = [];
  let live: Live | undefined = await load(deps);
  let running: Promise<void> | undefined;
  let isClosed = false;

  const nowOf = (item: Waiting, at: number): Now => item.stamp ?? { mono: at, wall: at };
  /** For looks between batches: never ahead of the database, for a look lets go of what is over. */
  const clockOf = ({ at, clock }: Live): number => Math.max(at, clock.at + Math.max(0, performance.now() - clock.readAt));

  const settleAll = (items: readonly Waiting[], error: unknown): void => {
    for (const item of items) item.reject(error);
  };

  const catchUp = (known: Live, seq: number, batches: Awaited<ReturnType<typeof readBatches>>): void => {
    for (const batch of batches) applyBatch(known, batch);
    known.seq = seq;
  };

  const catchUpOn = async (known: Live): Promise<Live> => {
    const batches = await readOn(db, term, known.seq);
    if (batches === undefined) return load(deps);
    catchUp(known, batches.at(-1)?.seq ?? known.seq, batches);
    return known;
  };

  const look = (known: Live, items: readonly Waiting[]): void => {
    for (const item of items) {
      try {
        item.resolve(item.step(known.replica, nowOf(item, clockOf(known))).answer);
      } catch (error) {
        item.reject(error);
      }
    }
  };

  /** One transaction for all of them. Answers are given when it is committed. */
  const commit = async (known: Live, items: readonly Waiting[]): Promise<void> => {
    const answers: (() => void)[] = [];
    await db.tx(async (tx) => {
      const locked = await lockTerm(tx, term);
      if (locked.floor > known.seq) throw new Error('the operations since are only in the snapshot');
      if (locked.seq > known.seq + 1) catchUp(known, locked.seq, await readBatches(tx, term, known.seq));
      known.seq = locked.seq;
      known.at = Math.max(known.at, locked.now);
      known.clock = { at: locked.now, readAt: performance.now() };
      if (locked.snapshot > known.snapshot) Object.assign(known, { snapshot: locked.snapshot, ops: 0 });
      const ops: LimitsOp[] = [];
      for (const item of items) answers.push(take(known, item, ops));
      known.ops += ops.length;
      if (ops.length > 0) await writeBatch(tx, term, { seq: locked.seq, run: runId, at: known.at, ops });
    });
    for (const answer of answers) answer();
  };

  const take = (known: Live, item: Waiting, ops: LimitsOp[]): (() => void) => {
    try {
      const { answer, op } = item.step(known.replica, nowOf(item, known.at));
      if (op !== undefined) ops.push(item.stamp === undefined ? op : { ...op, at: [item.stamp.mono, item.stamp.wall] });
      return () => item.resolve(answer);
    } catch (error) {
      return () => item.reject(error);
    }
  };

  const moved = (items: readonly Waiting[], error: MovedError): void => {
    isClosed = true;
    live = undefined;
    settleAll([...items, ...waiting.splice(0)], unavailable(error));
    deps.onMoved();
  };

  const turn = async (items: readonly Waiting[]): Promise<void> => {
    try {
      live ??= await load(deps);
      if (items.every((item) => item.kind !== 'change')) {
        if (items.some((item) => item.kind === 'newest')) live = await catchUpOn(live);
        return look(live, items);
      }
      await commit(live, items);
      deps.onCommitted?.();
    } catch (error) {
      // What the copy holds may never have been committed, or more may have been: only the database knows.
      live = undefined;
      if (error instanceof MovedError) return moved(items, error);
      waiting.unshift(...items.filter((item) => !item.isGone));
      await wait(retryMs);
    }
  };

  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const items = waiting.splice(0, MOST_AT_ONCE).filter((item) => !item.isGone);
      if (items.length > 0) await turn(items);
    }
    running = undefined;
  };

  const add = <T>(kind: Waiting['kind'], step: (replica: Replica, now: Now) => Step<T>): Promise<T> => {
    if (isClosed || waiting.length >= MOST_WAITING) return Promise.reject(unavailable());
    return new Promise<T>((resolve, reject) => {
      const giveUp = setTimeout(() => item.reject(unavailable()), GIVE_UP_AFTER_MS);
      const end = <A>(settle: (value: A) => void) => {
        return (value: A): void => {
          clearTimeout(giveUp);
          item.isGone = true;
          settle(value);
        };
      };
      const item: Waiting = {
        kind,
        step,
        stamp: stamp?.(),
        resolve: end(resolve as (value: unknown) => void),
        reject: end(reject),
        isGone: false,
      };
      waiting.push(item);
      running ??= work();
    });
  };

  return {
    run: (step) => add('change', step),
    read<T>(see: (replica: Replica, now: Now) => T, newest = false) {
      return add(newest ? 'newest' : 'look', (replica, now) => ({ answer: see(replica, now) }));
    },
    position() {
      if (live === undefined) return undefined;
      const { replica, seq, at, ops } = live;
      return { replica, seq, now: stamp?.() ?? { mono: at, wall: at }, opsSinceSnapshot: ops };
    },
    async close() {
      isClosed = true;
      await running;
    },
  };
}

async function load({ db, term, random, runId }: LaneDeps): Promise<Live> {
  const loaded = await loadTerm(db, term);
  if (loaded === undefined) throw new MovedError('the limits of this term are not here');
  const { state, seq, batches, now } = loaded;
  const replica = createReplica({ random, run: runId, state, now: state.at });
  const live: Live = { replica, seq, at: state.at.wall, snapshot: seq, ops: 0, clock: { at: now, readAt: performance.now() } };
  for (const batch of batches) {
    applyBatch(live, batch);
    live.seq = batch.seq;
  }
  live.at = Math.max(live.at, now);
  return live;
}

function applyBatch(live: Live, { run, at, ops }: Awaited<ReturnType<typeof readBatches>>[number]): void {
  live.at = Math.max(live.at, at);
  for (const op of ops) live.replica.apply(op, run, op.at === undefined ? { mono: at, wall: at } : { mono: op.at[0], wall: op.at[1] });
  live.ops += ops.length;
}
