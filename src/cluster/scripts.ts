/** The cluster's Lua scripts, as the sources hold them. */
import { fileURLToPath } from 'node:url';
import { loadScripts, type RedisScript } from '../infra/redis/scripts.js';

// From dist as well: the scripts stay where they are in the sources.
const folder = fileURLToPath(new URL('../../src/cluster/lua', import.meta.url));

/** Throws where there is no such script: a fault of the build. */
export function clusterScript(name: string): RedisScript {
  const script = loadScripts(folder).get(name);
  if (script === undefined) throw new Error(`no script is called ${name}`);
  return script;
}
