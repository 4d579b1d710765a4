/** This node among the others: what it sees of the stores decides whom it serves, and one of them all leads. */
import { createEventQueue } from '../cluster/eventQueue.js';
import { startHeartbeat } from '../cluster/heartbeat.js';
import { startLeader } from '../cluster/leader.js';
import type { LifeSign } from '../cluster/lifeSign.js';
import type { Health } from '../cluster/nodeRun.js';
import type { RedisProbe } from '../cluster/redisProbe.js';
import type { StoreName, StoreState } from '../cluster/stores.js';
import { type StoreEvent, startStoreWatch } from '../cluster/storeWatch.js';
import { recordSystemEvent } from '../commands/system/record.js';
import type { RedisConnection } from '../infra/redis/connection.js';
import type { NodeView } from '../panels/api/deps.js';
import type { Backbone, BackboneOptions } from './backbone.js';
import { createListening } from './listening.js';
import type { Recoveries } from './recoveries.js';

export interface MembershipDeps extends BackboneOptions {
  readonly runId: string;
  readonly redis: RedisConnection;
  readonly lifeSign: LifeSign;
  readonly probe: RedisProbe;
  readonly addresses: Readonly<Record<StoreName, string>>;
  readonly recoveries: Recoveries;
}

export interface Membership {
  health(): Health;
  /** Others have Redis and this node has not, or it has neither store: nobody may be served here. */
  isCutOff(): boolean;
  isLeader(): boolean;
  /** Asks Redis: to be called before each step of the leader's work. */
  mayLead(): Promise<boolean>;
  nodes(): Promise<readonly NodeView[]>;
}

/** A recovery comes partition by partition: one event tells of them all. */
const GATHER_MS = 3_000;
/** What the database did not take is offered again this often. */
const RETRY_MS = 2_000;

interface SystemEvent {
  readonly type: StoreEvent['type'] | 'kirogate.leader.changed';
  readonly id: string;
  readonly data: unknown;
}

export async function joinCluster(deps: MembershipDeps, context: Parameters<Backbone['join']>[0]): Promise<Membership> {
  const { server, clock, logger, teardown, runId, nodeId, version, redis, lifeSign, probe, recoveries } = deps;
  const record = (event: SystemEvent): Promise<unknown> => context.commands.execute(recordSystemEvent, event, { actor: 'system' });
  const watch = startStoreWatch({
    runId,
    nodeId,
    probe,
    lifeSign,
    addresses: deps.addresses,
    record: async ({ type, store, data }) => void (await record({ type, id: store, data })),
    recovery: (store) => (store === 'redis' ? recoveries.take() : { outcome: 'same', reappended: 0, message: null }),
    clock,
    logger,
  });
  teardown.add('store watch', () => watch.close());
  const events = createEventQueue<SystemEvent>({ record, logger });
  const tell = (event: SystemEvent): void => {
    events.add(event);
    void events.flush();
  };
  const retrying = setInterval(() => void (lifeSign.databaseUp() && events.flush()), RETRY_MS).unref();
  teardown.add('events of the node', () => {
    clearInterval(retrying);
    return lifeSign.databaseUp() ? events.flush() : undefined;
  });
  let telling: NodeJS.Timeout | undefined;
  recoveries.onNote(() => {
    // Redis was away for less than what counts as lost, and yet not the same afterwards.
    telling ??= setTimeout(() => {
      telling = undefined;
      if (!probe.up()) return;
      const recovery = recoveries.take();
      if (recovery.outcome === 'same' && recovery.reappended === 0) return;
      tell({ type: 'kirogate.store.recovered', id: 'redis', data: { store: 'redis', nodeId, at: clock.now(), downMs: 0, ...recovery } });
    }, GATHER_MS).unref();
  });
  teardown.add('recoveries', () => clearTimeout(telling));
  const leader = startLeader({
    redis,
    runId,
    nodeId,
    clock,
    logger,
    onChange(change) {
      void lifeSign.tell();
      tell({ type: 'kirogate.leader.changed', id: change.office, data: change });
    },
  });
  teardown.add('leader', () => leader.close());
  const startedAt = clock.now();
  const load = () => ({ connections: server.connections, requestsLastMinute: context.requestsLastMinute() });
  const heartbeat = startHeartbeat({
    redis,
    nodeId,
    beat: () => ({ runId, version, startedAt, health: watch.state().health, leader: leader.isLeader(), ...load() }),
    lifeSign,
  });
  teardown.add('heartbeat', () => heartbeat.close());

  const listening = createListening(server, logger);
  const follow = (state: StoreState): void => {
    server.stores = { postgres: state.postgres, redis: state.redis };
    if (server.state !== 'starting' && server.state !== 'draining') server.state = state.health;
    listening.set(!state.cutOff);
  };
  follow(watch.state());
  teardown.add('listening', () => listening.close());
  const endFollow = watch.onChange(follow);
  teardown.add('store states', endFollow);
  return {
    health: () => watch.state().health,
    isCutOff: () => watch.state().cutOff || hasNothing(watch.state()),
    isLeader: () => leader.isLeader(),
    mayLead: () => leader.check(),
    nodes: () => heartbeat.nodes(),
  };
}

const hasNothing = ({ postgres, redis }: StoreState): boolean => postgres === 'disconnected' && redis === 'disconnected';
