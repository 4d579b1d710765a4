/**
 * Keeps this node where the cluster says the limits live, and says with the others when they have to move. A change of home:
 * one node begins the next term in the database's row; every node closes, and tells what it did; when all that live have told,
 * one of them fills the new home and opens it.
 */

import { unlessLost } from '../../shared/unlessLost.js';
import { createDatabaseLimits } from '../database.js';
import { createRedisLimits } from '../redis.js';
import { buildHome } from './builder.js';
import { createClosedNotice } from './closedNotice.js';
import type { HomeState, KeeperDeps } from './keeping.js';
import type { HomeLimits } from './port.js';
import { adoptLate, takeOver } from './remains.js';
import { changeHome, type HomeRow, type Place, readHome, tellFacts, toldRuns } from './row.js';
import { createTenure, FROZEN_MS, type Tenure, unavailable } from './tenure.js';

export interface Keeper {
  /** The home that may be called now. */
  tenure(): Tenure | undefined;
  /** Waits for it; rejects with `storage_unavailable` after `ms`, while cut off as well: who refuses at once looks idle to a balancer. */
  whenOpen(ms: number): Promise<Tenure>;
  state(): HomeState;
  /** Looks at the row now. Never rejects. */
  look(): Promise<void>;
  /** What passes with time: called every `pollMs` by itself. */
  tick(): void;
  close(): Promise<void>;
}

export function createKeeper(deps: KeeperDeps): Keeper {
  const { db, place, ledger, runId, monotonic, timings, logger } = deps;
  let row: HomeRow | undefined;
  let mine: Tenure | undefined;
  let told = -1;
  /** Terms that this run told facts for or was a part of. */
  const partOf = new Set<number>();
  let cutOff = false;
  let lastTick = monotonic();
  let lastLook = Number.NEGATIVE_INFINITY;
  let lostSince: number | null = null;
  let backSince: number | null = null;
  let collectingSince = 0;
  let built: HomeRow | undefined;
  /** Term whose Redis was found to be another one. */
  let strange = -1;
  let looking: Promise<void> | undefined;
  let again = false;
  let closed = false;
  const notice = createClosedNotice({ logger, monotonic, databaseLost: deps.databaseLost });
  const waiters = new Set<{ open: () => void; fail: () => void }>();
  const background = new Set<Promise<void>>();

  const deadRuns = (runs: readonly string[]): Promise<readonly string[]> => deps.deadRuns(runs).catch(() => []);
  const tenure = (): Tenure | undefined => {
    if (mine === undefined || mine.isOver() || monotonic() - lastTick > FROZEN_MS) return undefined;
    return mine.home === 'redis' && !place.isChecked() ? undefined : mine;
  };
  const wake = (): void => {
    if (tenure() !== undefined) for (const { open } of [...waiters]) open();
  };
  const leave = (): void => {
    if (mine === undefined) return;
    const left = mine;
    mine = undefined;
    left.end();
    aside(left.limits.close());
    deps.onChange();
  };
  /** The limits say themselves that they live elsewhere, or nowhere: nobody calls them again, and whoever did waits for the next home. */
  const gone = (home: Tenure | undefined): void => {
    home?.end();
    if (home !== undefined && home === mine) leave();
    soon();
  };
  /** Nobody waits for it but the end. */
  const aside = (work: Promise<unknown>): void => {
    const done: Promise<void> = work
      .then(() => undefined)
      .catch((error: unknown) => logger.warn({ err: error }, 'a part of moving the limits failed'))
      .finally(() => background.delete(done));
    background.add(done);
  };

  const failed = (error: unknown): void => logger.debug({ err: error }, 'where the limits live could not be seen to');

  // ---- one look ----

  const lookOnce = async (): Promise<void> => {
    lastLook = monotonic();
    if (row?.state === 'open' && deps.isHomeStill(row.term)) {
      // A connection to Redis that was lost and is back needs no database to be known for the same.
      await stay(row).catch(failed);
      return deps.onChange();
    }
    const seen = await unlessLost(readHome(db), deps.databaseLost);
    if (closed) return;
    if (seen.term !== row?.term || seen.state !== row.state) {
      logger.info({ term: seen.term, home: seen.home, state: seen.state }, 'the home of the limits');
      collectingSince = monotonic();
    }
    row = seen;
    if (mine !== undefined && (mine.term !== seen.term || seen.state !== 'open')) leave();
    // What fails here may be just what makes the limits move.
    await (seen.state === 'collecting' ? collect(seen) : stay(seen)).catch(failed);
    await judge(seen);
    deps.onChange();
  };

  const collect = async (seen: HomeRow): Promise<void> => {
    const sentAt = monotonic();
    if (told !== seen.term) {
      if (!(await tellFacts(db, seen.term, runId, (now) => ledger.facts(now - sentAt)))) return soon();
      told = seen.term;
      partOf.add(seen.term);
    }
    if (seen.home === 'redis' && !deps.redisUp()) return;
    const living = (await deps.living()).map((run) => run.runId);
    const runs = [...new Set([...living, runId])].sort();
    const known = await toldRuns(db, seen.term);
    if (seen.fromTerm === null && !runs.every((run) => known.has(run))) return;
    if (monotonic() - collectingSince < runs.indexOf(runId) * timings.standInMs) return;
    if (await buildHome(deps, seen)) built = seen;
    soon();
  };

  const stay = async (seen: HomeRow): Promise<void> => {
    if (mine !== undefined && (seen.home === 'database' || place.isChecked())) return;
    if (seen.home === 'redis' && !deps.redisUp()) return;
    const fresh = mine ?? (await enter(seen));
    if (fresh === undefined || closed) return;
    if (mine === undefined && seen.home === 'redis' && !place.isChecked()) return aside(fresh.limits.close());
    if (mine === fresh && !(await isSameRedis(seen))) return;
    if (fresh.isOver() || closed) return mine === fresh ? undefined : aside(fresh.limits.close());
    mine = fresh;
    cutOff = false;
    wake();
    deps.onOpen();
  };

  const enter = async (seen: HomeRow): Promise<Tenure | undefined> => {
    let fresh: Tenure | undefined;
    let isGone = false;
    const onGone = (): void => {
      isGone = true;
      gone(fresh);
    };
    const limits = seen.home === 'database' ? await openDatabase(seen, onGone) : await openRedis(seen, onGone);
    if (limits === undefined) return undefined;
    fresh = createTenure(seen.term, seen.home, limits, monotonic);
    if (isGone) fresh.end();
    try {
      const isKnown = partOf.has(seen.term) || (seen.fromTerm !== null && partOf.has(seen.fromTerm));
      // Before anything of it is settled here.
      if (!isKnown) await adoptLate(deps, fresh);
    } catch (error) {
      aside(limits.close());
      throw error;
    }
    partOf.add(seen.term);
    if (built?.term === seen.term && seen.home === 'redis') aside(takeOver(deps, seen, fresh));
    built = undefined;
    return fresh;
  };
  const openDatabase = (seen: HomeRow, onMoved: () => void): Promise<HomeLimits> => {
    const { random } = deps;
    return createDatabaseLimits({ db, term: seen.term, runId, random, deadRuns, logger, onMoved });
  };
  const openRedis = async (seen: HomeRow, onGone: () => void): Promise<HomeLimits | undefined> => {
    if (!(await isSameRedis(seen))) return undefined;
    const { random } = deps;
    const settings = deps.settings();
    return createRedisLimits({
      redis: { ...deps.redis, ...place.redis },
      runId,
      random,
      settings,
      root: seen.root ?? '',
      deadRuns,
      isHeld: true,
      onClosed() {
        // It has to be looked at anew, whatever its connection says.
        place.distrust();
        onGone();
      },
      logger,
    });
  };
  /** A Redis that came back as another one, or without what it held, is filled anew. */
  const isSameRedis = async (seen: HomeRow): Promise<boolean> => {
    if (seen.redisRunId !== null && seen.root !== null && (await place.check(seen.redisRunId, seen.root))) return true;
    if (strange !== seen.term)
      logger.warn({ term: seen.term }, 'this Redis does not hold what the limits were: they are put together again');
    strange = seen.term;
    leave();
    await move(seen, 'redis');
    return false;
  };
  // ---- when to move ----

  const move = async (seen: HomeRow, home: Place): Promise<void> => {
    if (await changeHome(db, seen.term, home)) logger.warn({ from: seen.home, to: home, term: seen.term + 1 }, 'the limits move');
    soon();
  };

  const judge = async (seen: HomeRow): Promise<void> => {
    const now = monotonic();
    const wasCutOff = cutOff;
    cutOff = false;
    if (row !== seen) return;
    if (seen.home === 'redis' && lostSince !== null && now - lostSince >= timings.lostAfterMs) {
      const others = (await deps.living()).filter((run) => run.runId !== runId);
      if (others.every((run) => !run.redisUp)) return move(seen, 'database');
      cutOff = others.some((run) => run.redisUp);
      if (cutOff && !wasCutOff) logger.warn('Redis is out of reach for this node, not for others: nobody is admitted here');
    }
    if (seen.home === 'database' && seen.state === 'open' && backSince !== null && now - backSince >= timings.backAfterMs) {
      if ((await deps.living()).every((run) => run.redisUp)) await move(seen, 'redis');
    }
  };

  const soon = (): void => {
    again = true;
    if (looking === undefined && !closed) queueMicrotask(() => void look());
  };
  const lookAll = async (): Promise<void> => {
    do {
      again = false;
      await lookOnce().catch(failed);
    } while (again && !closed);
  };
  const look = (): Promise<void> => {
    if (looking !== undefined) {
      again = true;
      return looking;
    }
    looking = lookAll().finally(() => (looking = undefined));
    return looking;
  };

  const tick = (): void => {
    const now = monotonic();
    const gap = now - lastTick;
    lastTick = now;
    if (deps.redisUp()) {
      lostSince = null;
      backSince ??= now;
    } else {
      lostSince ??= now;
      backSince = null;
    }
    // This process stood still: the others may have gone on without it.
    if (gap > FROZEN_MS) leave();
    notice.look(tenure() !== undefined || closed);
    const isUsual = tenure()?.home === 'redis' && lostSince === null;
    if (!closed && looking === undefined && now - lastLook >= (isUsual ? timings.idleMs : timings.pollMs * 0.8)) void look();
  };
  const timer = setInterval(tick, timings.pollMs);
  timer.unref();

  return {
    tenure,
    whenOpen(ms) {
      const now = tenure();
      if (now !== undefined) return Promise.resolve(now);
      if (closed) return Promise.reject(unavailable());
      return new Promise((resolve, reject) => {
        const end = (settle: () => void) => (): void => {
          clearTimeout(giveUp);
          waiters.delete(waiter);
          settle();
        };
        const fail = end(() => reject(unavailable()));
        const waiter = { fail, open: end(() => (mine === undefined ? reject(unavailable()) : resolve(mine))) };
        const giveUp = setTimeout(fail, ms);
        waiters.add(waiter);
        tick();
      });
    },
    state: () => ({ home: row?.home ?? 'redis', term: row?.term ?? -1, open: tenure() !== undefined, cutOff }),
    look,
    tick,
    async close() {
      closed = true;
      clearInterval(timer);
      for (const { fail } of [...waiters]) fail();
      await looking;
      leave();
      await Promise.all(background);
    },
  };
}
