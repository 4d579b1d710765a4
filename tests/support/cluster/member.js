export async function createMember(cluster, name, quota) {
  const { admin, url } = cluster;
  const login = { email: `${name}@members.test`, password: `password of ${name}` };
  const { id } = await admin.post('/admin/api/users', { username: name, ...login });
  if (quota !== undefined) await admin.put(`/admin/api/users/${id}/quota`, { daily: quota });
  const key = await admin.post(`/admin/api/users/${id}/keys`, { name: 'test' });
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
  const get = (at, path) => fetch(`${at}${path}`, { headers: { cookie } });
  return {
    userId: id,
    keyId: key.id,
    key: key.key,
    password: login.password,
    get,
    async usedToday(at) {
      const quotas = await (await get(at, '/user/api/quota')).json();
      return quotas.daily.used;
    },
  };
}
/** Public tokens of the site; answers their ids and their names at the simulator. */
export async function addClusterTokens({ admin, sim }, count) {
  const tokens = [];
  for (let i = 0; i < count; i += 1) {
    const { id: credential, refreshToken } = await sim.addCredential({ kind: 'social' });
    const donation = { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' };
    tokens.push({ id: (await admin.post('/admin/api/tokens', donation)).id, credential, refreshToken });
  }
  return tokens;
}
