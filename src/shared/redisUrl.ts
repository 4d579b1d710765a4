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

/**
 * Reads `redis://`, `rediss://` and `redis+sentinel://h1:26379,h2:26379/<master>/<db>`. Throws an Error that says what of it is
 * none, without the password in it.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const match = /^(redis|rediss|redis\+sentinel):\/\/(?:([^@/]*)@)?([^/]+)(?:\/(.*))?$/i.exec(url);
  const [, given, login, hosts, path = ''] = match ?? [];
  const scheme = given?.toLowerCase();
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
  if (host === undefined || number < 1 || number > 65_535) throw new Error('the host is <host> or <host>:<port>, the port 1 to 65535');
  return { host, port: number };
}

function loginOf(login: string | undefined): { username?: string; password?: string } {
  if (login === undefined || login === '') return {};
  const colon = login.indexOf(':');
  const username = decoded(colon < 0 ? login : login.slice(0, colon));
  if (colon < 0) return { username };
  const password = decoded(login.slice(colon + 1));
  return username === '' ? { password } : { username, password };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('special characters in user name and password must be percent-encoded');
  }
}

function databaseOf(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,5}$/.test(text)) throw new Error('the database behind the host is a number, as in redis://host:6379/0');
  return Number(text);
}
