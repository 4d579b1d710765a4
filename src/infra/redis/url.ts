/** Redis addresses as contract §2 names them: one server, with or without TLS, or a set watched by Sentinel. */

export interface RedisAddress {
  /** For messages: hosts, ports and database, never the password. */
  readonly label: string;
  readonly host?: string;
  readonly port?: number;
  readonly sentinels?: readonly { readonly host: string; readonly port: number }[];
  /** The set's name at its sentinels. */
  readonly name?: string;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: boolean;
}

/** Reads `redis://`, `rediss://` and `redis+sentinel://h1:26379,h2:26379/<master>/<db>`. Throws an Error without the password in it. */
export function parseRedisUrl(url: string): RedisAddress {
  const match = /^(redis|rediss|redis\+sentinel):\/\/(?:([^@/]*)@)?([^/]+)(?:\/(.*))?$/.exec(url);
  const [, scheme, login, hosts, path = ''] = match ?? [];
  if (scheme === undefined || hosts === undefined) throw new Error('not a redis://, rediss:// or redis+sentinel:// address');
  const addresses = hosts.split(',').map((host) => addressOf(host, scheme === 'redis+sentinel' ? 26_379 : 6_379));
  const common = { ...loginOf(login), tls: scheme === 'rediss' };
  if (scheme === 'redis+sentinel') {
    const [name = '', db = '0'] = path.split('/');
    if (name === '') throw new Error('a redis+sentinel:// address names its master: redis+sentinel://host:26379/<master>/<db>');
    return { ...common, sentinels: addresses, name, db: databaseOf(db), label: `${hosts}/${name}/${databaseOf(db)}` };
  }
  const [first, second] = addresses;
  if (first === undefined || second !== undefined) throw new Error('a redis:// address names one host');
  return { ...common, ...first, db: databaseOf(path), label: `${first.host}:${first.port}/${databaseOf(path)}` };
}

function addressOf(text: string, port: number): { host: string; port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, '');
  const number = Number(match?.[2] ?? port);
  if (host === undefined || number < 1 || number > 65_535) throw new Error('a Redis host is <host> or <host>:<port>');
  return { host, port: number };
}

function loginOf(login: string | undefined): { username?: string; password?: string } {
  if (login === undefined || login === '') return {};
  const colon = login.indexOf(':');
  const username = decodeURIComponent(colon < 0 ? login : login.slice(0, colon));
  if (colon < 0) return { username };
  const password = decodeURIComponent(login.slice(colon + 1));
  return username === '' ? { password } : { username, password };
}

function databaseOf(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,5}$/.test(text)) throw new Error('a Redis database is a number');
  return Number(text);
}
