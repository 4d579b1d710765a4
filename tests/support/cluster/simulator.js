/** The upstream simulator as a process of its own, so that what it witnesses does not depend on how busy the test is. */
import { fileURLToPath } from 'node:url';
import { until } from '../until.js';
import { startChild } from './child.js';

const main = fileURLToPath(new URL('../../../dist/simulator/main.js', import.meta.url));
export async function startClusterSimulator() {
  const child = startChild(process.execPath, { args: [main, '--with-parent', '--keep', '200000'], input: true });
  const line = await child.whileRunning(until('the simulator', () => /^\{.*\}$/m.exec(child.output())?.[0]));
  const { url } = JSON.parse(line);
  const seen = [];
  async function ask(method, path, body) {
    const response = await fetch(`${url}/_sim/${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the simulator answered ${path} with ${response.status}: ${text}`);
    return JSON.parse(text);
  }
  return {
    url,
    addCredential: (options) => ask('POST', 'credentials', options),
    updateCredential: async (id, patch) => void (await ask('PATCH', 'credentials', { id, ...patch })),
    behave: async (queue, credential) => void (await ask('POST', 'behave', { queue, ...(credential === undefined ? {} : { credential }) })),
    settings: async (patch) => void (await ask('POST', 'settings', patch)),
    release: async () => (await ask('POST', 'release')).released,
    witness: () => ask('GET', 'witness'),
    async requests() {
      // What has ended no longer changes; what still ran last time is asked for again.
      const firstOpen = seen.findIndex((record) => record.outcome === null);
      if (firstOpen >= 0) seen.length = firstOpen;
      for (;;) {
        const after = seen.at(-1)?.seq ?? 0;
        const { requests } = await ask('GET', `requests?after=${after}&limit=5000`);
        seen.push(...requests);
        if (requests.length < 5_000) return [...seen];
      }
    },
    stop: async () => void (await child.end('SIGTERM')),
  };
}
