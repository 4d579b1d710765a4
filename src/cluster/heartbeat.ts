/** This node's heartbeat in Redis, every 10 s, and the overview of all nodes from the database with Redis as its complement. */
import { z } from 'zod';
import type { RedisConnection } from '../infra/redis/connection.js';
import { type Every, realEvery } from './every.js';
import type { LifeSign } from './lifeSign.js';
import { DEAD_AFTER_MS, type Health, type NodeRun } from './nodeRun.js';
import { clusterScript } from './scripts.js';

export interface NodeOverview {
  readonly id: string;
  readonly healthy: boolean;
  /** ms since epoch */
  readonly startedAt: number;
  readonly connections: number;
  readonly requestsLastMinute: number;
  readonly leader: boolean;
  /** See NodeRun. */
  readonly settingsPosition: number | null;
}

export interface Beat {
  readonly runId: string;
  readonly version: string;
  /** ms since epoch */
  readonly startedAt: number;
  readonly health: Health;
  readonly connections: number;
  readonly requestsLastMinute: number;
  readonly leader: boolean;
}

const beatSchema = z.object({
  runId: z.string(),
  version: z.string(),
  startedAt: z.number(),
  health: z.enum(['healthy', 'degraded', 'unhealthy']),
  connections: z.number(),
  requestsLastMinute: z.number(),
  leader: z.boolean(),
});

export interface HeartbeatDeps {
  readonly redis: Pick<RedisConnection, 'command' | 'run'>;
  readonly nodeId: string;
  /** What this node says of itself now. */
  readonly beat: () => Beat;
  readonly lifeSign: Pick<LifeSign, 'runs'>;
  readonly every?: Every;
}

export interface Heartbeat {
  /** All nodes, the longest running first; works with either store lost, and shows at least this node. Never rejects. */
  nodes(): Promise<readonly NodeOverview[]>;
  /** Gives a beat at once. Never rejects. */
  tell(): Promise<void>;
  /** Ends the beats and takes this node off the list. Never rejects. */
  close(): Promise<void>;
}

const PREFIX = 'kirogate:nodes:';
const LIST = 'kirogate:nodes';
const BEAT_MS = 10_000;
const TTL_MS = 30_000;
/** More are no cluster of ours: an answer stays small. */
const MOST_NODES = 1_000;

export function startHeartbeat({ redis, nodeId, beat, lifeSign, every = realEvery }: HeartbeatDeps): Heartbeat {
  const script = clusterScript('beatNode');
  const key = `${PREFIX}${nodeId}`;
  let beating = Promise.resolve();
  const tell = (): Promise<void> => {
    beating = redis.run(script, [key, LIST], [nodeId, JSON.stringify(beat()), TTL_MS]).then(
      () => undefined,
      () => undefined,
    );
    return beating;
  };
  const stop = every(BEAT_MS, () => void tell());
  void tell();
  return {
    tell,
    async nodes() {
      const [runs, beats] = await Promise.all([lifeSign.runs(), readBeats(redis).catch(() => new Map<string, Beat>())]);
      return overview(runs, beats.set(nodeId, beat()));
    },
    async close() {
      stop();
      await beating;
      await Promise.all([redis.command('DEL', key), redis.command('ZREM', LIST, nodeId)]).catch(() => undefined);
    },
  };
}

async function readBeats(redis: HeartbeatDeps['redis']): Promise<Map<string, Beat>> {
  const ids = await redis.command('ZRANGE', LIST, 0, MOST_NODES - 1);
  const known = Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
  if (known.length === 0) return new Map();
  const records = await redis.command('MGET', ...known.map((id) => `${PREFIX}${id}`));
  const beats = new Map<string, Beat>();
  for (const [index, id] of known.entries()) {
    const beat = parseBeat(Array.isArray(records) ? records[index] : null);
    if (beat !== undefined) beats.set(id, beat);
  }
  return beats;
}

function parseBeat(record: unknown): Beat | undefined {
  if (typeof record !== 'string') return undefined;
  try {
    return beatSchema.safeParse(JSON.parse(record)).data;
  } catch {
    return undefined;
  }
}

/**
 * One line a node, its newest run's. The database is the truth of who lives; where it could not be asked, or does not know
 * a run yet, Redis tells.
 */
function overview(runs: readonly NodeRun[], beats: ReadonlyMap<string, Beat>): readonly NodeOverview[] {
  const nodes = new Map<string, NodeOverview>();
  for (const run of runs) {
    if (nodes.has(run.nodeId)) continue;
    const beat = beats.get(run.nodeId);
    const isSame = beat?.runId === run.runId;
    const isAlive = run.stale ? isSame : run.seenAgoMs <= DEAD_AFTER_MS;
    const said = run.stale && isSame ? beat : run;
    nodes.set(run.nodeId, {
      id: run.nodeId,
      healthy: isAlive && said.health !== 'unhealthy',
      startedAt: run.startedAt,
      connections: isAlive ? said.connections : 0,
      requestsLastMinute: isAlive ? said.requestsLastMinute : 0,
      leader: isAlive && said.leader,
      settingsPosition: run.settingsPosition,
    });
  }
  for (const [id, beat] of beats) {
    const known = nodes.get(id);
    if (known !== undefined && (known.healthy || known.startedAt >= beat.startedAt)) continue;
    const { startedAt, connections, requestsLastMinute, leader } = beat;
    nodes.set(id, { id, healthy: beat.health !== 'unhealthy', startedAt, connections, requestsLastMinute, leader, settingsPosition: null });
  }
  return [...nodes.values()].sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1));
}
