/** One connection to Redis that fails fast: nothing queues while it is down, every command settles in time, it comes back by itself. */
import { type Redis as Client, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { ConfigError } from '../../config.js';
import { StoreUnreachable } from '../../errors.js';
import { parseRedisUrl, type RedisAddress } from '../../shared/redisUrl.js';
import type { RedisScript } from './scripts.js';

export type RedisReply = string | number | null | readonly RedisReply[];

export interface RedisConnection {
  /**
   * Runs one command. Rejects at once while the connection is down and after `commandTimeoutMs` at the latest; a
   * rejection does not tell whether the server ran it. Commands of one connection run in the order of the calls.
   */
  command(name: string, ...args: readonly (string | number)[]): Promise<RedisReply>;
  /** Runs a script by its hash; the server gets its text where it does not know it. */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<RedisReply>;
  isReady(): boolean;
  /** How often the connection was lost so far: while it stays the same, so does the server that answers. */
  losses(): number;
  /** Lets what is under way end, then closes. */
  close(): Promise<void>;
  /** Closes at once; what is under way rejects. */
  drop(): void;
}

export interface RedisConnectionOptions {
  readonly url: string;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  readonly logger?: Logger;
  /** Longest wait for one reply. */
  readonly commandTimeoutMs?: number;
  /** Longest wait for the first connection; then StoreUnreachable. */
  readonly connectTimeoutMs?: number;
}

const LONGEST_RETRY_MS = 5_000;

/**
 * Connects, and keeps connecting until `connectTimeoutMs`; rejects with StoreUnreachable, which names host, port and database,
 * and with ConfigError where the server has no such database, or this user may not use it.
 */
export async function openRedis(options: RedisConnectionOptions): Promise<RedisConnection> {
  const address = parseRedisUrl(options.url);
  const client = new Redis(optionsOf(address, options));
  let losses = 0;
  client.on('close', () => (losses += 1));
  watch(client, address, options.logger);
  await firstConnection(client, address, options.connectTimeoutMs ?? 10_000);
  await selectDatabase(client, address);
  return {
    command: (name, ...args) => client.call(name, [...args]) as Promise<RedisReply>,
    run: (script, keys, args) => runScript(client, script, keys, args, () => losses),
    isReady: () => client.status === 'ready',
    losses: () => losses,
    async close() {
      // What is under way may end; a server that does not answer must not hold up the end of the process.
      if (client.status === 'ready') await client.quit().catch(() => undefined);
      client.disconnect();
    },
    drop: () => client.disconnect(),
  };
}

function optionsOf(address: RedisAddress, options: RedisConnectionOptions): RedisOptions & { replyMapping: 'legacy' } {
  const { host, port, sentinels, name, username, password, db, tls } = address;
  return {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(sentinels === undefined ? {} : { sentinels: [...sentinels] }),
    ...(name === undefined ? {} : { name }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    db,
    connectionName: options.name,
    // RESP2 and no CLIENT SETINFO: the same on every server from 7.0 on.
    protocol: 2,
    replyMapping: 'legacy',
    disableClientInfo: true,
    // ioredis queues without bound and sends again what was in flight; the callers' own retries are idempotent (event-log pitfalls 9 and 15).
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: options.commandTimeoutMs ?? 2_000,
    // A peer that went silent without a goodbye (a pulled cable, a forgotten NAT entry) is left for a new connection.
    socketTimeout: 2 * (options.commandTimeoutMs ?? 2_000),
    // A primary that was demoted while it was frozen: the sentinels know its successor.
    ...(sentinels === undefined ? {} : { reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 1 : false) }),
    connectTimeout: 2_000,
    keepAlive: 10_000,
    retryStrategy: (times) => Math.min(LONGEST_RETRY_MS, 50 * 2 ** Math.min(times, 10)),
  };
}

/** One line when the connection is lost and one when it is back, however many commands fail meanwhile. */
function watch(client: Client, address: RedisAddress, logger: Logger | undefined): void {
  let lost = false;
  let reason: unknown;
  client.on('error', (error: unknown) => (reason = error));
  client.on('close', () => {
    if (lost) return;
    lost = true;
    logger?.warn({ redis: address.label, err: reason }, 'Redis is out of reach; trying again');
  });
  client.on('ready', () => {
    if (lost) logger?.info({ redis: address.label }, 'Redis is back');
    lost = false;
  });
}

function firstConnection(client: Client, address: RedisAddress, timeoutMs: number): Promise<void> {
  if (client.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    let reason: unknown;
    const onError = (error: unknown): void => {
      reason = error;
    };
    const done = (): void => {
      clearTimeout(timer);
      client.off('ready', onReady);
      client.off('error', onError);
    };
    const onReady = (): void => {
      done();
      resolve();
    };
    const timer = setTimeout(() => {
      done();
      client.disconnect();
      reject(new StoreUnreachable(`Redis at ${address.label} cannot be reached: ${messageOf(reason)}`, { cause: reason }));
    }, timeoutMs);
    client.on('ready', onReady);
    client.on('error', onError);
  });
}

/** The driver selects the database when it connects, and goes on in database 0 where the server refuses: so it is asked once more. */
async function selectDatabase(client: Client, address: RedisAddress): Promise<void> {
  if (address.db === 0) return;
  try {
    await client.call('SELECT', address.db);
  } catch (error) {
    const isRefused = error instanceof Error && error.name === 'ReplyError' && !/^(LOADING|BUSY|MASTERDOWN)\b/.test(error.message);
    const range = isRefused ? await rangeOf(client) : '';
    client.disconnect();
    if (isRefused)
      throw new ConfigError([`REDIS_URL: Redis at ${address.label} has no database ${address.db} for this user${range}: ${error.message}`]);
    throw new StoreUnreachable(`Redis at ${address.label} cannot be reached: ${messageOf(error)}`, { cause: error });
  }
}

/** Empty where the server does not tell. */
async function rangeOf(client: Client): Promise<string> {
  const told: unknown = await client.call('CONFIG', 'GET', 'databases').catch(() => null);
  const count = Array.isArray(told) ? Number(told[1]) : Number.NaN;
  return count >= 1 ? ` (it has 0 to ${count - 1})` : '';
}

const messageOf = (error: unknown): string => (error instanceof Error && error.message !== '' ? error.message : 'no answer');

async function runScript(
  client: Client,
  script: RedisScript,
  keys: readonly string[],
  args: readonly (string | number)[],
  losses: () => number,
): Promise<RedisReply> {
  const before = losses();
  if (script.keys !== null && keys.length !== script.keys) throw new Error(`${script.name} takes ${script.keys} keys, not ${keys.length}`);
  try {
    return (await client.call('EVALSHA', script.sha, keys.length, ...keys, ...args)) as RedisReply;
  } catch (error) {
    // The script cache is lost with a restart, a failover and SCRIPT FLUSH.
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    // Another server than the one that was asked must be asked by the caller.
    if (losses() !== before) throw error;
    return (await client.call('EVAL', script.text, keys.length, ...keys, ...args)) as RedisReply;
  }
}
