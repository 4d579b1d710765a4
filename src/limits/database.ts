/** The limits of a cluster without Redis: the core on every node, over one order of operations that the database keeps. */
import type { Logger } from 'pino';
import type { Database } from '../infra/database/port.js';
import type { Clock } from '../shared/clock.js';
import { openLane } from './database/lane.js';
import { restoreOp } from './database/ops.js';
import type { Replica, Step } from './database/replica.js';
import { adoptSnapshot, writeSnapshot } from './database/store.js';
import type { HomeLimits } from './home/port.js';
import type { AdmitRequest, Admitted, LimitSettings, PoolToken, Refusal } from './port.js';
import type { Now } from './token.js';
import type { AttemptEntry, RequestEntry } from './transfer.js';

const SWEEP_EVERY_MS = 2_000;
/** Operations after which a snapshot takes their place, times 1 to 2, so that nodes do not all write one. */
const SNAPSHOT_AFTER = 20_000;
const TOKENS_AT_ONCE = 500;

export interface DatabaseLimitsDeps {
  readonly db: Database;
  /** The term of `limits_home` that these limits are of; its snapshot is there. */
  readonly term: number;
  readonly runId: string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Which of these runs are dead by their life sign in the database. */
  readonly deadRuns: (runIds: readonly string[]) => Promise<readonly string[]>;
  /** The limits live elsewhere from now on. */
  readonly onMoved: () => void;
  readonly logger?: Logger;
  /** For tests: calls take their time from it; otherwise from the database. */
  readonly clock?: Clock;
  readonly snapshotAfter?: number;
  /** For tests: how long a transaction that failed waits before it is made again. */
  readonly retryMs?: number;
}

/** An admission that knows why, also where its transaction is made again on a copy that has it from the record only. */
function decidedOnce(request: AdmitRequest): (replica: Replica, now: Now) => Step<Admitted | Refusal> {
  let decided: Admitted | Refusal | undefined;
  return (replica, now) => {
    const step = replica.admit(request, now);
    if (step.op !== undefined) decided = step.answer;
    else if (decided?.ok && step.answer.ok && decided.tokenId === step.answer.tokenId) return { answer: decided };
    return step;
  };
}

export type DatabaseLimits = HomeLimits;

/** Opens them. Rejects where the database does not answer or the term is not there. */
export async function createDatabaseLimits(deps: DatabaseLimitsDeps): Promise<DatabaseLimits> {
  const { db, term, runId, random, clock } = deps;
  const snapshotAfter = (deps.snapshotAfter ?? SNAPSHOT_AFTER) * (1 + random());
  let snapshot: Promise<void> | undefined;
  const lane = await openLane({
    ...{ db, term, runId, random, onMoved: deps.onMoved },
    ...(deps.retryMs === undefined ? {} : { retryMs: deps.retryMs }),
    ...(clock === undefined ? {} : { stamp: () => ({ mono: clock.monotonic(), wall: clock.now() }) }),
    onCommitted() {
      snapshot ??= takeSnapshot();
    },
  });

  const takeSnapshot = (): Promise<void> | undefined => {
    const at = lane.position();
    if (at === undefined || at.opsSinceSnapshot < snapshotAfter) return undefined;
    const state = at.replica.dump(at.now);
    return db
      .tx((tx) => writeSnapshot(tx, term, at.seq, state))
      .then(() => adoptSnapshot(db, term, at.seq))
      .catch((error: unknown) => deps.logger?.warn({ err: error }, 'no snapshot of the limits could be written'))
      .finally(() => (snapshot = undefined));
  };

  const change = (step: (replica: Replica, now: Now) => Step<null>): Promise<null> => lane.run(step);
  const apply = (op: Parameters<Replica['apply']>[0]): Promise<null> =>
    change((replica, now) => {
      replica.apply(op, runId, now);
      return { answer: null, op };
    });
  const quietly = (work: Promise<unknown>): void =>
    void work.catch((error: unknown) => deps.logger?.debug({ err: error }, 'the database did not take what the limits had to tell'));

  let wanted: LimitSettings | undefined;
  const bringSettings = async (): Promise<void> => {
    const next = wanted;
    if (next === undefined) return;
    await change((replica, now) => replica.configure(next, now));
    if (wanted === next) wanted = undefined;
  };

  const sweep = async (): Promise<void> => {
    await bringSettings();
    // Under the lock, so that a node nobody calls learns what the others did.
    const runs = await lane.run((replica) => ({ answer: [...replica.runs()].filter((run) => run !== runId) }));
    if (runs.length === 0) return;
    for (const run of await deps.deadRuns(runs)) {
      await change((replica, now) => {
        if (!replica.runs().has(run)) return { answer: null };
        const op = { op: 'sweep' as const, run, to: runId };
        replica.apply(op, runId, now);
        return { answer: null, op };
      });
    }
  };
  let sweeping = false;
  const timer = setInterval(() => {
    if (sweeping) return;
    sweeping = true;
    quietly(sweep().finally(() => (sweeping = false)));
  }, SWEEP_EVERY_MS);
  timer.unref();

  return {
    sweep,
    configure(next) {
      wanted = next;
      quietly(bringSettings());
    },
    async putTokens(tokens: readonly PoolToken[]) {
      for (let from = 0; from < tokens.length; from += TOKENS_AT_ONCE) {
        const some = tokens.slice(from, from + TOKENS_AT_ONCE);
        await change((replica, now) => replica.put(some, now));
      }
    },
    async removeToken(tokenId, position) {
      await apply({ op: 'remove', tokenId, position });
    },
    async resetToken(tokenId) {
      await apply({ op: 'reset', tokenId });
    },
    async restore(state) {
      await apply(restoreOp(state));
    },
    // On the newest state: a copy that nobody asked for a while would refuse what has been free for long.
    peek: (request) => lane.read((replica, now) => replica.core.peek(request, now), true),
    admit: (request) => lane.run(decidedOnce(request)),
    async cancel(attemptId) {
      await change((replica, now) => replica.cancel(attemptId, now));
    },
    responded: (attemptId, served = false) => quietly(change((replica, now) => replica.responded(attemptId, served, now))),
    settle: (attempt) => lane.run((replica, now) => replica.settle(attempt, now)),
    finish: (request) => lane.run((replica, now) => replica.finish(request, now)),
    async adopt(requests: readonly RequestEntry[], attempts: readonly AttemptEntry[]) {
      if (requests.length + attempts.length > 0) await apply({ op: 'adopt', requests: [...requests], attempts: [...attempts] });
    },
    abandoned: () => lane.read((replica) => replica.left(runId), true),
    tokenUse: (tokenIds) => lane.read(({ core }, now) => tokenIds.map((id) => core.tokenUse(id, now)), true),
    userUse: (userId) => lane.read(({ core }, now) => core.charges.userUse(userId, now), true),
    keyUse: (keyId) => lane.read(({ core }, now) => core.charges.keyUse(keyId, now), true),
    async close() {
      clearInterval(timer);
      await lane.close();
      await snapshot;
    },
  };
}
