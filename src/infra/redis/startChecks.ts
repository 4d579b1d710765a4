/** What a Redis must be and should be for the cluster, looked at when a node starts. */
import { ConfigError } from '../../config.js';
import { StoreUnreachable } from '../../errors.js';
import type { RedisConnection, RedisReply } from './connection.js';
import { checkRights, isForbidden, lacking } from './rights.js';

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

/**
 * `label`: host, port and database, for messages. Throws StoreUnreachable with what to do when this Redis cannot serve, ConfigError
 * naming the rights that its user lacks.
 */
export async function checkRedis(redis: Pick<RedisConnection, 'command'>, label: string): Promise<RedisFacts> {
  try {
    return await look(redis, label);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof StoreUnreachable) throw error;
    const reason = error instanceof Error && error.message !== '' ? error.message : 'no answer';
    throw new StoreUnreachable(`Redis at ${label} does not answer as it should: ${reason}`, { cause: error });
  }
}

async function look(redis: Pick<RedisConnection, 'command'>, label: string): Promise<RedisFacts> {
  const info = parseInfo(await readInfo(redis, label));
  const version = info.get('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= LEAST_VERSION)) {
    throw new StoreUnreachable(`Redis at ${label} is version ${version}; KiroGate needs 7.0 or later`);
  }
  if (info.get('role') !== 'master') {
    throw new StoreUnreachable(
      `Redis at ${label} is a read-only replica; point REDIS_URL at its primary, or at its sentinels (redis+sentinel://…)`,
    );
  }
  await checkRights(redis, label);
  const settings = await readSettings(redis, info);
  const warnings = Object.entries(WANTED).flatMap(([name, { value, why }]) => {
    const found = settings.get(name);
    if (found === value || (name === 'appendfsync' && found === 'always')) return [];
    if (found === undefined) return [`Redis at ${label} does not tell its ${name} (unknown); it should be ${value}: otherwise ${why}`];
    return [`Redis at ${label} has ${name} ${found}; set it to ${value}: ${why}`];
  });
  return { version, warnings };
}

async function readInfo(redis: Pick<RedisConnection, 'command'>, label: string): Promise<string> {
  try {
    return String(await redis.command('INFO'));
  } catch (error) {
    if (!isForbidden(error)) throw error;
    // It is not the only right that is missing, perhaps.
    await checkRights(redis, label);
    throw lacking(label, ['+info']);
  }
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
