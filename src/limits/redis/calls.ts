/** Calls the scripts of the limits: times and run in front, a few tries over a bad connection, refusals of Redis as coded errors. */
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../errors.js';
import type { RedisConnection, RedisReply } from '../../infra/redis/connection.js';
import { loadScripts, type RedisScript } from '../../infra/redis/scripts.js';
import type { Clock } from '../../shared/clock.js';
import type { Argument } from './requests.js';

// From dist as well: the scripts stay where they are in the sources.
const folder = fileURLToPath(new URL('../../../src/limits/lua', import.meta.url));
/** Pauses between tries. Every script may run twice: the second run changes nothing and answers the same. */
export const RETRY_AFTER_MS: readonly number[] = [50, 250];
/** Replies of a server that is not itself for the moment. */
const PASSING = /^(LOADING|READONLY|MASTERDOWN|TRYAGAIN|CLUSTERDOWN|BUSY)\b/;

export type ScriptCall = (script: string, args?: readonly Argument[]) => Promise<RedisReply>;

export const loadLimitsScripts = (): ReadonlyMap<string, RedisScript> => loadScripts(folder);

export interface CallDeps {
  readonly scripts: ReadonlyMap<string, RedisScript>;
  readonly redis: Pick<RedisConnection, 'run'>;
  /** What all keys begin with. */
  readonly root: string;
  readonly runId: string;
  /** Only in tests; undefined: the server's own time. */
  readonly clock: Clock | undefined;
  readonly retryAfterMs: readonly number[];
  /** Redis holds no limits (any more); told before the call is refused. */
  readonly onClosed?: (() => void) | undefined;
}

/** Rejects with `conflict` or `storage_unavailable`; the latter leaves open whether the script ran. */
export function createCalls({ scripts, redis, root, runId, clock, retryAfterMs, onClosed }: CallDeps): ScriptCall {
  return async (name, args = []) => {
    const script = scripts.get(name);
    if (script === undefined) throw new Error(`no script is called ${name}`);
    const times = clock === undefined ? ['', ''] : [clock.monotonic(), clock.now()];
    for (let tries = 0; ; tries += 1) {
      try {
        return await redis.run(script, [root], [...times, runId, ...args]);
      } catch (error) {
        const pause = retryAfterMs[tries];
        if (isReply(error) && error.message.startsWith('CLOSED')) onClosed?.();
        if (pause === undefined || !mayPass(error)) throw refusalOf(error);
        await wait(pause);
      }
    }
  };
}

const isReply = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError';

function mayPass(error: unknown): boolean {
  return !isReply(error) || PASSING.test(error.message);
}

/** What the operator's server withholds from a script: it is the store's refusal, although it begins as a fault in a script does. */
const WITHHELD = /can't run this command|can't access at least one of the keys|\b(NOPERM|OOM|READONLY|MISCONF|NOREPLICAS)\b/;

function refusalOf(error: unknown): unknown {
  if (isReply(error) && error.message.startsWith('ENDED')) {
    return new AppError('conflict', { message: 'This attempt was ended before it began.', cause: error });
  }
  // A fault in a script is ours; everything else is the store's: lost, full, or come back empty (CLOSED).
  if (isReply(error) && /^(ERR|WRONGTYPE)\b/.test(error.message) && !WITHHELD.test(error.message)) return error;
  return new AppError('storage_unavailable', { retryAfterSeconds: 1, cause: error });
}
