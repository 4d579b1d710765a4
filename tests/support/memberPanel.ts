/** A member as a browser: signs in, holds the cookie, reads the user API. */
import type { Service } from './service.js';

export interface MemberPanel {
  readonly userId: string;
  /** A key of theirs. */
  readonly key: string;
  get<T>(path: string): Promise<T>;
  /** `json`: the body's text. */
  send(method: string, path: string, json: string): Promise<Response>;
  /** A session ends after 12 hours. */
  signIn(): Promise<void>;
}

export async function memberPanel({ url, admin }: Service, name: string): Promise<MemberPanel> {
  const login = { email: `${name}@members.test`, password: 'a long password' };
  const { id } = await admin.post<{ id: string }>('/admin/api/users', { username: name, ...login });
  const { key } = await admin.post<{ key: string }>(`/admin/api/users/${id}/keys`, { name: 'test' });
  let headers: Record<string, string> = {};
  const panel: MemberPanel = {
    userId: id,
    key,
    async get<T>(path: string) {
      const response = await fetch(`${url}${path}`, { headers });
      if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as T;
    },
    send: (method, path, json) =>
      fetch(`${url}${path}`, { method, headers: { ...headers, 'content-type': 'application/json' }, body: json }),
    async signIn() {
      const response = await panel.send('POST', '/auth/login', JSON.stringify(login));
      const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '');
      headers = { cookie: cookies.join('; '), 'x-csrf-token': ((await response.json()) as { csrfToken: string }).csrfToken };
    },
  };
  await panel.signIn();
  return panel;
}
