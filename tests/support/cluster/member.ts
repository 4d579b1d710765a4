/** A member of a test's cluster: a key for requests, and a signed-in browser that any node must know. */
import type { Cluster } from '../cluster.js';

export interface ClusterMember {
  readonly userId: string;
  readonly keyId: string;
  readonly key: string;
  readonly password: string;
  /** Reads the user API of the node at `url` with the session's cookie; the bare response. */
  get(url: string, path: string): Promise<Response>;
  /** Charged today, by the live figures of the node at `url`. */
  usedToday(url: string): Promise<number>;
}

export async function createMember(cluster: Pick<Cluster, 'url' | 'admin'>, name: string, quota?: number): Promise<ClusterMember> {
  const { admin, url } = cluster;
  const login = { email: `${name}@members.test`, password: `password of ${name}` };
  const { id } = await admin.post<{ id: string }>('/admin/api/users', { username: name, ...login });
  if (quota !== undefined) await admin.put(`/admin/api/users/${id}/quota`, { daily: quota });
  const key = await admin.post<{ id: string; key: string }>(`/admin/api/users/${id}/keys`, { name: 'test' });
  const response = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(login),
  });
  if (!response.ok) throw new Error(`${name} could not sign in: ${response.status} ${await response.text()}`);
  await response.text();
  const cookie = response.headers
    .getSetCookie()
    .map((one) => one.split(';')[0] ?? '')
    .join('; ');
  const get = (at: string, path: string): Promise<Response> => fetch(`${at}${path}`, { headers: { cookie } });
  return {
    userId: id,
    keyId: key.id,
    key: key.key,
    password: login.password,
    get,
    async usedToday(at) {
      const quotas = (await (await get(at, '/user/api/quota')).json()) as { daily: { used: number } };
      return quotas.daily.used;
    },
  };
}

/** Public tokens of the site; answers their ids and their names at the simulator. */
export async function addClusterTokens(
  { admin, sim }: Pick<Cluster, 'admin' | 'sim'>,
  count: number,
): Promise<{ id: string; credential: string; refreshToken: string }[]> {
  const tokens: { id: string; credential: string; refreshToken: string }[] = [];
  for (let i = 0; i < count; i += 1) {
    const { id: credential, refreshToken } = await sim.addCredential({ kind: 'social' });
    const donation = { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' };
    tokens.push({ id: (await admin.post<{ id: string }>('/admin/api/tokens', donation)).id, credential, refreshToken });
  }
  return tokens;
}
