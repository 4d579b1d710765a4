/** PostgreSQL's URL as operators write it, the old Python spelling included. */
export interface PostgresAddress {
  /** For the driver; holds the password. */
  readonly connectionString: string;
  /** `host:port/database`, for messages. */
  readonly label: string;
}

/** Throws an Error that says what is wrong and never shows the password. */
export function parsePostgresUrl(text: string): PostgresAddress {
  const plain = text.replace(/^(postgresql|postgres)(?:\+\w+)?:/i, (_all, scheme: string) => `${scheme.toLowerCase()}:`);
  if (!/^postgres(ql)?:\/\//.test(plain) || !URL.canParse(plain) || !isDecodable(plain)) {
    throw new Error(
      'not of the form postgresql://user:password@host:port/database; special characters in the password must be percent-encoded',
    );
  }
  const url = new URL(plain);
  // asyncpg says ssl=require, everybody else sslmode=require.
  const ssl = url.searchParams.get('ssl');
  if (ssl !== null && !url.searchParams.has('sslmode') && !['true', 'false', '0', '1'].includes(ssl)) {
    url.searchParams.delete('ssl');
    url.searchParams.set('sslmode', ssl);
  }
  const database = decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username);
  const host = url.searchParams.get('host') ?? url.hostname;
  return { connectionString: url.href, label: `${host || 'localhost'}:${url.port || '5432'}/${database}` };
}

function isDecodable(text: string): boolean {
  try {
    decodeURI(text);
    return true;
  } catch {
    return false;
  }
}
