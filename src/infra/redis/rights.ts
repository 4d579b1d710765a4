/** What a node sends to Redis, so that a start can ask whether its user may: a right that is missing would show under load only. */
import { ConfigError } from '../../config.js';
import type { RedisConnection, RedisReply } from './connection.js';

/** One key of each family that nodes use; all of them begin with `kirogate:`. */
export const KEYS = [
  'kirogate:{limits}:1.a:meta',
  'kirogate:{p0}:events',
  'kirogate:{p0}:producers',
  'kirogate:{p0}:archived',
  'kirogate:{control}:events',
  'kirogate:{probe}:value',
  'kirogate:cache:x',
  'kirogate:followers',
  'kirogate:health_checker:leader',
  'kirogate:nodes',
  'kirogate:nodes:x',
  'kirogate:runs:x',
  'kirogate:tries:x',
] as const;

/** Every command with arguments of the right shape; `KEY` stands for a key. A test holds the list to the source. */
export const COMMANDS: readonly string[] = [
  ...['GET KEY', 'SET KEY 1', 'MGET KEY', 'DEL KEY', 'UNLINK KEY', 'EXISTS KEY', 'PEXPIRE KEY 1', 'PERSIST KEY', 'RENAME KEY KEY'],
  ...['HGET KEY f', 'HSET KEY f 1', 'HSETNX KEY f 1', 'HMGET KEY f', 'HGETALL KEY', 'HKEYS KEY', 'HLEN KEY', 'HEXISTS KEY f'],
  ...['HDEL KEY f', 'HINCRBY KEY f 1', 'SADD KEY m', 'SREM KEY m', 'SPOP KEY', 'SSCAN KEY 0'],
  ...['RPUSH KEY 1', 'LPOP KEY', 'LREM KEY 1 1', 'LRANGE KEY 0 1', 'LINDEX KEY 0', 'LLEN KEY'],
  ...['ZADD KEY 1 m', 'ZREM KEY m', 'ZREMRANGEBYSCORE KEY 0 1', 'ZRANGE KEY 0 1', 'ZRANGEBYSCORE KEY 0 1', 'ZSCORE KEY m', 'ZCARD KEY'],
  ...[
    'XADD KEY * f 1',
    'XDEL KEY 1-1',
    'XRANGE KEY - +',
    'XREVRANGE KEY + -',
    'XREAD COUNT 1 STREAMS KEY 0',
    'XTRIM KEY MINID 1',
    'XINFO STREAM KEY',
  ],
  ...['MEMORY USAGE KEY', 'EVAL x 1 KEY', 'EVALSHA x 1 KEY', 'INFO', 'TIME', 'SCAN 0'],
];

/** Commands whose second word has a right of its own. */
const CONTAINERS = new Set(['XINFO', 'MEMORY']);

/** Asks for what the caller may do, and does nothing. ARGV[1]: list of commands (JSON). Answers 1: yes, 0: no, -1: no such command. */
const ASK = `#!lua flags=no-writes,allow-oom,allow-stale
if not redis.acl_check_cmd then return {} end
local answers = {}
for i, command in ipairs(cjson.decode(ARGV[1])) do
  local known, may = pcall(redis.acl_check_cmd, unpack(command))
  answers[i] = not known and -1 or may and 1 or 0
end
return answers`;

interface Question {
  readonly command: string;
  /** null: the command names none. */
  readonly key: string | null;
  readonly words: readonly string[];
}

/** Throws ConfigError naming every right that the user of this connection lacks. `label`: host, port and database. */
export async function checkRights(redis: Pick<RedisConnection, 'command'>, label: string): Promise<void> {
  const questions = COMMANDS.flatMap(questionsOf);
  let answers: RedisReply;
  try {
    answers = await redis.command('EVAL', ASK, 0, JSON.stringify(questions.map(({ words }) => words)));
  } catch (error) {
    if (isForbidden(error)) throw lacking(label, ['+eval', '+evalsha'], ', without which nothing else can be looked at');
    throw error;
  }
  // A server that cannot tell is taken at its word.
  const list = Array.isArray(answers) ? answers : [];
  const unknown = named(questions.filter((_one, index) => list[index] === -1));
  if (unknown.length > 0)
    throw new ConfigError([
      `REDIS_URL: Redis at ${label} does not know ${unknown.join(', ')}, which a node needs; were they renamed or disabled?`,
    ]);
  const missing = missingRights(questions.filter((_one, index) => list[index] === 0));
  if (missing.length > 0) throw lacking(label, missing);
}

/** A refusal by the server's access control lists. */
export const isForbidden = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'ReplyError' && error.message.startsWith('NOPERM');

/** `rights` as ACL SETUSER takes them. */
export const lacking = (label: string, rights: readonly string[], more = ''): ConfigError =>
  new ConfigError([
    `REDIS_URL: the user named there lacks rights in Redis at ${label}: ${rights.join(' ')}${more}; grant them with ACL SETUSER`,
  ]);

function questionsOf(text: string): Question[] {
  const words = text.split(' ');
  const command = words.slice(0, CONTAINERS.has(words[0] ?? '') ? 2 : 1).join('|');
  if (!words.includes('KEY')) return [{ command, key: null, words }];
  return KEYS.map((key) => ({ command, key, words: words.map((word) => (word === 'KEY' ? key : word)) }));
}

/** A command that is refused on every key is what is missing itself; the others are refused for the key. */
function missingRights(denied: readonly Question[]): readonly string[] {
  const deniedKeysOf = (command: string): number => denied.filter((one) => one.command === command).length;
  const all = COMMANDS.flatMap((text) => questionsOf(text).slice(0, 1));
  const everywhere = all.filter(({ command, key }) => deniedKeysOf(command) === (key === null ? 1 : KEYS.length));
  // Not one command on any key: it is the keys. What is missing beside them shows when they are granted.
  const hasNoKey = all.every(({ key, command }) => key === null || everywhere.some((one) => one.command === command));
  const commands = everywhere.filter(({ key }) => key === null || !hasNoKey);
  const isForKeys = hasNoKey || denied.some(({ command }) => !everywhere.some((one) => one.command === command));
  return [...(isForKeys ? ['~kirogate:*'] : []), ...commands.map(({ command }) => `+${command.toLowerCase()}`)];
}

const named = (questions: readonly Question[]): string[] => [...new Set(questions.map(({ command }) => command.replace('|', ' ')))];
