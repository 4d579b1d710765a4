/** The admin API as a script uses it. */

export interface AdminClient {
  readonly get: <T = Record<string, unknown>>(path: string) => Promise<T>;
  readonly post: <T = Record<string, unknown>>(path: string, body?: unknown) => Promise<T>;
  readonly put: <T = Record<string, unknown>>(path: string, body: unknown) => Promise<T>;
  readonly patch: <T = Record<string, unknown>>(path: string, body: unknown) => Promise<T>;
  readonly del: (path: string) => Promise<void>;
  /** A user with a key. */
  readonly member: (name: string) => Promise<{ userId: string; keyId: string; key: string }>;
  /** Every item of a list, page by page. */
  readonly all: <T = Record<string, unknown>>(path: string) => Promise<T[]>;
}

export function adminClient(url: string, apiKey: string): AdminClient {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
  const get = <T>(path: string): Promise<T> => call<T>('GET', path);
  const post = <T>(path: string, body?: unknown): Promise<T> => call<T>('POST', path, body);
  return {
    get,
    post,
    put: (path, body) => call('PUT', path, body),
    patch: (path, body) => call('PATCH', path, body),
    del: (path) => call('DELETE', path),
    async member(name) {
      const user = await post<{ id: string }>('/admin/api/users', { username: name });
      const key = await post<{ id: string; key: string }>(`/admin/api/users/${user.id}/keys`, { name: 'test' });
      return { userId: user.id, keyId: key.id, key: key.key };
    },
    async all<T>(path: string) {
      const items: T[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const separator: string = path.includes('?') ? '&' : '?';
        const page: { items: T[]; nextCursor: string | null } = await get(
          `${path}${cursor === '' ? '' : `${separator}cursor=${encodeURIComponent(cursor)}`}`,
        );
        items.push(...page.items);
        cursor = page.nextCursor;
      }
      return items;
    },
  };
}
