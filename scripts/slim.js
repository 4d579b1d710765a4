/** Leaves in node_modules only what runs, after `npm prune --omit=dev`: a step of the image, where nothing is installed or compiled any more. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');

/** What a package names as needed to run, and needs to be compiled or fetched only. */
const toBuild = { sqlite3: ['node-addon-api', 'node-gyp', 'prebuild-install', 'tar'] };
/** What runs of a package that is compiled; everything else in its folder goes. */
const parts = { sqlite3: ['package.json', 'LICENSE', 'lib', 'build/Release/node_sqlite3.node'] };

const manifest = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** The folder that `name` means to the code in `folder`, as Node looks for it; undefined for an optional one that is not there. */
function find(name, folder) {
  for (let at = folder; at.startsWith(root); at = dirname(at)) {
    const found = join(at, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return found;
  }
  return undefined;
}

/** Adds the folder and all that it needs to run. */
function reach(folder, reached) {
  if (reached.has(folder)) return reached;
  reached.add(folder);
  const { name, dependencies, optionalDependencies, peerDependencies } = manifest(folder);
  for (const needed of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
    if (toBuild[name]?.includes(needed)) continue;
    const found = find(needed, folder);
    if (found !== undefined) reach(found, reached);
  }
  return reached;
}

/** Every package's folder below one `node_modules`, those within packages too. */
function packagesIn(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(folder, name)).map((inner) => join(name, inner)) : name.startsWith('.') ? [] : [name],
  );
  return names.map((name) => join(folder, name)).flatMap((one) => [one, ...packagesIn(join(one, 'node_modules'))]);
}

/** Removes from `folder` what is not `kept`, which are paths in it. */
function keepOnly(folder, kept) {
  for (const name of readdirSync(folder)) {
    if (kept.includes(name)) continue;
    const below = kept.filter((path) => path.startsWith(`${name}/`)).map((path) => path.slice(name.length + 1));
    if (below.length > 0) keepOnly(join(folder, name), below);
    else rmSync(join(folder, name), { recursive: true, force: true });
  }
}

const reached = reach(root, new Set());
for (const folder of packagesIn(modules)) if (!reached.has(folder)) rmSync(folder, { recursive: true, force: true });
// Commands of packages, npm's notes about what it installed, and scopes of nothing: all name what is gone.
for (const entry of readdirSync(modules)) {
  const isEmpty = entry.startsWith('@') && readdirSync(join(modules, entry)).length === 0;
  if (isEmpty || entry.startsWith('.')) rmSync(join(modules, entry), { recursive: true, force: true });
}
for (const folder of reached) {
  const kept = parts[manifest(folder).name];
  if (kept === undefined) continue;
  for (const path of kept) if (!existsSync(join(folder, path))) throw new Error(`${folder} has no ${path}: was it not compiled?`);
  keepOnly(folder, kept);
}
