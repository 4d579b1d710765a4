/** Loads Lua scripts: one a file, the number of its keys in its name (`n`: any), shared parts by `--- @include "name"`. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RedisScript {
  readonly name: string;
  /** Number of keys it is called with; null: any. */
  readonly keys: number | null;
  readonly text: string;
  /** SHA-1 of the text, as EVALSHA wants it. */
  readonly sha: string;
}

const FILE = /^([a-z][A-Za-z]*)-(\d+|n)\.lua$/;
const INCLUDE = /^--- @include "([a-z][A-Za-z]*)"$/gm;

/**
 * Reads every `verbNoun-<keys>.lua` of a folder. An include names a file of its `include` folder and is put in once,
 * where it is first named. Throws when a file is not named like that or an include is missing.
 */
export function loadScripts(folder: string): ReadonlyMap<string, RedisScript> {
  const scripts = new Map<string, RedisScript>();
  for (const file of readdirSync(folder, { withFileTypes: true })) {
    if (!file.isFile()) continue;
    const [, name, keys] = FILE.exec(file.name) ?? [];
    if (name === undefined || keys === undefined) throw new Error(`${join(folder, file.name)} is not named <verbNoun>-<keys>.lua`);
    const text = expand(readFileSync(join(folder, file.name), 'utf8'), folder, new Set());
    scripts.set(name, { name, keys: keys === 'n' ? null : Number(keys), text, sha: createHash('sha1').update(text).digest('hex') });
  }
  return scripts;
}

function expand(text: string, folder: string, seen: Set<string>): string {
  return text.replace(INCLUDE, (_line, name: string) => {
    if (seen.has(name)) return '';
    seen.add(name);
    return expand(readFileSync(join(folder, 'include', `${name}.lua`), 'utf8'), folder, seen);
  });
}
