/** The simulated upstream behind a local cluster, with a member, tokens and a key to try. */
import { join } from 'node:path';
import { root } from '../prepare.js';

/** Starts the simulator; answers its origin. */
export async function startSimulator({ processes, dir }) {
  return await processes.start({
    name: 'simulator',
    program: process.execPath,
    args: [join(root, 'dist', 'simulator', 'main.js')],
    cwd: root,
    log: join(dir, 'simulator.log'),
    ready: (said) => /"url":"([^"]+)"/.exec(said)?.[1],
  });
}

/** A member and three tokens; answers the member's key. */
export async function seed({ url, adminApiKey, simulatorUrl }) {
  const post = async (at, body, headers = {}) => {
    const response = await fetch(at, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${at} answered ${response.status}: ${await response.text()}`);
    return await response.json();
  };
  const admin = { authorization: `Bearer ${adminApiKey}` };
  const { id } = await post(`${url}/admin/api/users`, { username: 'ada' }, admin);
  for (let i = 0; i < 3; i += 1) {
    const { refreshToken } = await post(`${simulatorUrl}/_sim/credentials`, { kind: 'social' });
    const token = { provider: 'kiro', authType: 'social', refreshToken, visibility: 'public' };
    await post(`${url}/admin/api/tokens`, token, admin);
  }
  return (await post(`${url}/admin/api/users/${id}/keys`, { name: 'demo' }, admin)).key;
}
