/** What a Redis must be and should be for the cluster, looked at when a node starts. */
import { StoreUnreachable } from '../../errors.js';
import type { RedisConnection, RedisReply } from './connection.js';

const LEAST_VERSION = 7;

export interface RedisFacts {
  readonly version: string;
  /** One line each, for the operator. */
  readonly warnings: readonly string[];
}

const WANTED = {
  'maxmemory-policy': { value: 'noeviction', why: 'under memory pressure it would delete events and limits' },
  appendonly: { value: 'yes', why: 'a restart would lose what is not archived yet and reset the limits of this minute' },
  appendfsync: { value: 'everysec', why: 'a crash could lose more than a second' },
  'no-appendfsync-on-rewrite': { value: 'no', why: 'a crash during a rewrite could lose minutes' },
} as const;

/** `label`: host, port and database, for messages. Throws StoreUnreachable with what to do when this Redis cannot serve. */
export async function checkRedis(redis: Pick<RedisConnection, 'command'>, label: string): Promise<RedisFacts> {
  const info = parseInfo(String(await redis.command('INFO')));
  const version = info.get('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= LEAST_VERSION)) {
    throw new StoreUnreachable(`Redis at ${label} is version ${version}; KiroGate needs 7.0 or later`);
  }
  if (info.get('role') !== 'master') {
    throw new StoreUnreachable(
      `Redis at ${label} is a read-only replica; point REDIS_URL at its primary, or at its sentinels (redis+sentinel://…)`,
    );
  }
  const settings = await readSettings(redis, info);
  const warnings = Object.entries(WANTED).flatMap(([name, { value, why }]) => {
    const found = settings.get(name);
    if (found === value || (name === 'appendfsync' && found === 'always')) return [];
    if (found === undefined) return [`Redis at ${label} does not tell its ${name} (unknown); it should be ${value}: otherwise ${why}`];
    return [`Redis at ${label} has ${name} ${found}; set it to ${value}: ${why}`];
  });
  return { version, warnings };
}

/** CONFIG may be forbidden; INFO tells two of the four. */
async function readSettings(redis: Pick<RedisConnection, 'command'>, info: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const policy = info.get('maxmemory_policy');
  const aof = info.get('aof_enabled');
  if (policy !== undefined) found.set('maxmemory-policy', policy);
  if (aof !== undefined) found.set('appendonly', aof === '1' ? 'yes' : 'no');
  const told = await redis.command('CONFIG', 'GET', ...Object.keys(WANTED)).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'ReplyError') return null;
    throw error;
  });
  const list = Array.isArray(told) ? (told as readonly RedisReply[]) : [];
  for (let at = 0; at + 1 < list.length; at += 2) found.set(String(list[at]), String(list[at + 1]));
  return found;
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
