/** Runs the repository's own nginx.conf without a container: only its lines marked "local:" differ, and the list of nodes. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './prepare.js';

const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** Relative to nginx's working folder. */
const ONCE = 'once.sock';

/** One line of the file, found by its directive and its mark. Throws where the file no longer has exactly one. */
function replaceMarked(text, directive, replacement) {
  const pattern = new RegExp(`^( *)${directive}.*# local:.*$`, 'gm');
  if (text.match(pattern)?.length !== 1) throw new Error(`nginx.conf has no single line "${directive} … # local:"`);
  return text.replace(pattern, (_line, indent) => `${indent}${replacement}`);
}

/** Writes nginx/upstreams.conf anew; a reload (SIGHUP to the main process) makes it count. `servers`: `host:port` each. */
export function writeUpstreams(dir, servers) {
  mkdirSync(join(dir, 'nginx'), { recursive: true });
  const lines = servers.map((server) => `server ${server} max_fails=2 fail_timeout=1s;`);
  writeFileSync(join(dir, 'nginx', 'upstreams.conf'), `${lines.join('\n')}\n`);
}

/**
 * Writes what nginx needs into `dir`. `listen`: `host:port`. Returns the arguments to start it with, in that folder, in the
 * foreground and as the account that starts it.
 */
export function prepareNginx({ dir, listen, servers }) {
  for (const name of folders) mkdirSync(join(dir, name), { recursive: true });
  writeUpstreams(dir, servers);
  copyFileSync(join(root, 'nginx', 'answers.conf'), join(dir, 'nginx', 'answers.conf'));
  // A killed nginx leaves it, and the next one would not start.
  rmSync(join(dir, ONCE), { force: true });
  let text = readFileSync(join(root, 'nginx.conf'), 'utf8');
  text = replaceMarked(text, 'pid', `pid ${join(dir, 'nginx.pid')};`);
  text = replaceMarked(text, 'access_log', `access_log ${join(dir, 'access.log')} kirogate;`);
  text = replaceMarked(text, 'listen 80', `listen ${listen} backlog=1024;`);
  text = replaceMarked(text, 'listen 127', `listen unix:${ONCE};`);
  text = replaceMarked(text, 'server 127', `server unix:${ONCE};`);
  text = replaceMarked(text, '', folders.map((name) => `${name}_temp_path ${join(dir, name)};`).join('\n  '));
  writeFileSync(join(dir, 'nginx.conf'), text);
  const account = process.getuid?.() === 0 ? ' user root;' : '';
  return ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr', '-g', `daemon off;${account}`];
}
