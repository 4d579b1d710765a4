/** Real servers and a browser for the suites: finds them on this machine or, as root on Debian, installs them without starting a service. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const policy = '/usr/sbin/policy-rc.d';
const installer = '/usr/bin/apt-get';
const servers = {
  'redis-server': {
    package: 'redis-server',
    brew: 'redis',
    version: '7.0',
    folders: () => ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'],
  },
  postgres: {
    package: 'postgresql',
    brew: 'postgresql@15',
    version: '14',
    folders: () => [...versions('/usr/lib/postgresql'), '/usr/local/bin', '/opt/homebrew/bin', '/opt/homebrew/opt/postgresql@15/bin'],
  },
  nginx: {
    package: 'nginx',
    brew: 'nginx',
    version: '1.22',
    folders: () => ['/usr/sbin', '/usr/local/sbin', '/usr/local/nginx/sbin', '/usr/local/bin', '/opt/homebrew/bin'],
  },
  chromium: {
    package: 'chromium',
    brew: '--cask chromium',
    version: '120',
    also: ['chromium-browser', 'google-chrome-stable', 'google-chrome'],
    folders: () => ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', '/Applications/Chromium.app/Contents/MacOS'],
  },
};

/** Debian keeps each major version's programs in a folder of their own; the newest first. */
function versions(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).sort((one, other) => Number(other) - Number(one));
  return names.map((name) => join(folder, name, 'bin'));
}

/** Path of a program under its own or another name, or undefined. */
function find(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...servers[name].folders()];
  const names = [name, ...(servers[name].also ?? [])];
  return names.flatMap((one) => folders.filter(Boolean).map((folder) => join(folder, one))).find((path) => existsSync(path));
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(installer, ['-o', 'DPkg::Lock::Timeout=300', ...args], { env, stdio: ['ignore', 2, 2] }).status === 0;
}

/** Debian asks this file whether a package may start its service; 101 says no. One that stands there already is left alone. */
function withoutServices(work) {
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return work();
  } finally {
    if (ours) rmSync(policy, { force: true });
  }
}

/** Path of the server's program, installed where that is possible. Throws with what to do where it is not. */
export function ensureServer(name) {
  const found = find(name);
  if (found !== undefined) return found;
  const { package: wanted, brew, version } = servers[name];
  if (process.getuid?.() === 0 && existsSync(installer)) {
    console.error(`Installing ${wanted} for the tests. Its service is not started.`);
    withoutServices(() => apt(['update', '-q']) && apt(['install', '-q', '-y', '--no-install-recommends', wanted]));
    const installed = find(name);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    `${name} is missing, version ${version} or later. On Debian or Ubuntu: apt-get install ${wanted}; on macOS: brew install ${brew}; then run this again.`,
  );
}

/** Everything the suites need. Ends the process with what to do when something cannot be had. */
export function ensureServers() {
  try {
    for (const name of Object.keys(servers)) ensureServer(name);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}

// `node scripts/services.js redis-server` prints the path of that server's program.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(ensureServer(process.argv[2]));
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
