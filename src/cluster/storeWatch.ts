/** Watches both stores: keeps the node's state of spec R10, tells each change once in the log and once as an event. */
import type { Logger } from 'pino';
import type { Clock } from '../shared/clock.js';
import { createEventQueue } from './eventQueue.js';
import { type Every, realEvery } from './every.js';
import type { LifeSign } from './lifeSign.js';
import { createListeners } from './listeners.js';
import type { RedisProbe } from './redisProbe.js';
import { allWell, describeChange, nextState, othersOf, type StoreName, type StoreState } from './stores.js';

/** Data of `kirogate.store.lost` and `kirogate.store.recovered`, whose subject is `store/<store>`. */
export type StoreEvent =
  | {
      readonly type: 'kirogate.store.lost';
      readonly store: StoreName;
      readonly data: { readonly store: StoreName; readonly nodeId: string; readonly at: number; readonly message: string };
    }
  | {
      readonly type: 'kirogate.store.recovered';
      readonly store: StoreName;
      readonly data: { readonly store: StoreName; readonly nodeId: string; readonly at: number; readonly downMs: number } & Recovery;
    };

/** How a store came back. */
export interface Recovery {
  readonly outcome: 'same' | 'restored';
  readonly reappended: number;
  readonly message: string | null;
}

export interface StoreWatchDeps {
  readonly runId: string;
  readonly nodeId: string;
  readonly probe: RedisProbe;
  readonly lifeSign: Pick<LifeSign, 'known' | 'living' | 'databaseUp' | 'onChange' | 'tell'>;
  /** Host, port and database of each store, without passwords. */
  readonly addresses: Readonly<Record<StoreName, string>>;
  /** Records an event by command; rejects while the database cannot take it: then it is tried again. */
  readonly record: (event: StoreEvent) => Promise<void>;
  /** What the event log found when a store was back. Default: nothing was missing. */
  readonly recovery?: (store: StoreName) => Recovery;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly every?: Every;
}

export interface StoreWatch {
  state(): StoreState;
  /** Answers how to stop listening. */
  onChange(listener: (state: StoreState) => void): () => void;
  /** Ends the watch after a last try to record what is left. */
  close(): Promise<void>;
}

const LOOK_MS = 250;
const RECORD_EVERY_MS = 2_000;

/** To be started when both stores answer. */
export function startStoreWatch(deps: StoreWatchDeps): StoreWatch {
  const { probe, lifeSign, clock, logger, every = realEvery } = deps;
  const changes = createListeners<StoreState>();
  const events = createEventQueue<StoreEvent>(deps);
  const lostAt = new Map<StoreName, number>();
  let state = allWell;
  let allLostAt: number | null = null;

  const note = (store: StoreName, before: StoreState): void => {
    if (state[store] === before[store]) return;
    const common = { store, nodeId: deps.nodeId, at: Math.round(clock.now()) };
    if (state[store] === 'disconnected') {
      lostAt.set(store, clock.monotonic());
      const refusal = store === 'redis' ? probe.refusal() : null;
      const message = `${deps.addresses[store]} ${refusal === null ? 'does not answer' : `takes no writes: ${refusal}`}`;
      events.add({ type: 'kirogate.store.lost', store, data: { ...common, message } });
      return;
    }
    const downMs = Math.round(clock.monotonic() - (lostAt.get(store) ?? clock.monotonic()));
    const recovery = deps.recovery?.(store) ?? { outcome: 'same', reappended: 0, message: null };
    events.add({ type: 'kirogate.store.recovered', store, data: { ...common, downMs, ...recovery } });
  };
  const look = (): void => {
    const databaseUp = lifeSign.databaseUp();
    const known = lifeSign.known();
    const others = othersOf({ ...known, runId: deps.runId, redisAnsweredAt: probe.lastAnswer(), allLostAt, databaseUp });
    if (probe.up()) allLostAt = null;
    else if (others === 'lost') allLostAt = known.readAt;
    // Their word is needed sooner than the next sign brings it; it is read at most once a second.
    if (others === 'undecided' && !probe.up()) void lifeSign.living();
    const before = state;
    state = nextState(before, { redisUp: probe.up(), databaseUp, others });
    const line = describeChange(before, state);
    if (line === null) return;
    const refusal = probe.refusal();
    const facts = { redis: deps.addresses.redis, postgres: deps.addresses.postgres, health: state.health };
    logger[line.level](refusal === null ? facts : { ...facts, refusal }, line.text);
    note('redis', before);
    note('postgres', before);
    changes.tell(state);
  };
  const endings = [
    every(LOOK_MS, look),
    every(RECORD_EVERY_MS, () => {
      if (lifeSign.databaseUp()) void events.flush();
    }),
    lifeSign.onChange(look),
    probe.onChange(() => {
      look();
      // The others decide by what this run says.
      void lifeSign.tell();
    }),
  ];
  return {
    state: () => state,
    onChange: (listener) => changes.add(listener),
    async close() {
      for (const end of endings) end();
      if (lifeSign.databaseUp()) await events.flush();
    },
  };
}
