/** The floors of docs/architecture.md hold, and every rule that says so catches a violation planted in a tree of its own. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const config = '.dependency-cruiser.cjs';

interface Cruised {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }[];
  };
}

/** dependency-cruiser over `src` of a tree, as `npm run check` runs it. Its exit code counts violations: the report is what matters. */
function cruise(tree: string): Promise<Cruised> {
  const script = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [script, '--config', config, '--output-type', 'json', 'src'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: tree, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (stdout === '') reject(error ?? new Error(stderr));
      else resolve(JSON.parse(stdout) as Cruised);
    });
  });
}

/** Lowest first, each with a file of its own in the planted tree. */
const floors = [
  ['floor-shared', 'src/shared/one.ts'],
  ['floor-infra', 'src/infra/one.ts'],
  ['floor-facts', 'src/events/one.ts'],
  ['floor-projections', 'src/projections/one.ts'],
  ['floor-commands', 'src/commands/one.ts'],
  ['floor-credentials', 'src/credentials/one.ts'],
  ['floor-surfaces', 'src/gateway/one.ts'],
  ['floor-app', 'src/app/one.ts'],
] as const;
const top = ['src/main.ts', 'src/cli/one.ts', 'src/simulator/one.ts'] as const;

interface Plant {
  readonly rule: string;
  readonly from: string;
  /** A file of the tree, or a package. */
  readonly to: string;
  readonly typeOnly?: boolean;
}

const upwards: readonly Plant[] = floors.flatMap(([rule, from], index) => {
  const above = [...floors.slice(index + 1).map(([, file]) => file), ...top];
  return above.map((to, i): Plant => ({ rule, from: from.replace('one.ts', `up${i}.ts`), to }));
});
const plants: readonly Plant[] = [
  ...upwards,
  // Floors of two or three folders, and files beside folders.
  { rule: 'floor-shared', from: 'src/errors.ts', to: 'src/infra/one.ts' },
  { rule: 'floor-shared', from: 'src/config.ts', to: 'src/app/one.ts' },
  { rule: 'floor-infra', from: 'src/upstreams/up.ts', to: 'src/limits/one.ts' },
  { rule: 'floor-facts', from: 'src/limits/up.ts', to: 'src/projections/one.ts' },
  { rule: 'floor-facts', from: 'src/cluster/up.ts', to: 'src/commands/one.ts' },
  { rule: 'floor-surfaces', from: 'src/panels/up.ts', to: 'src/app.ts' },
  { rule: 'floor-app', from: 'src/app.ts', to: 'src/cli/one.ts' },
  { rule: 'floor-shared', from: 'src/shared/typed.ts', to: 'src/app/one.ts', typeOnly: true },
  { rule: 'surfaces-apart', from: 'src/gateway/beside.ts', to: 'src/panels/one.ts' },
  { rule: 'surfaces-apart-too', from: 'src/panels/beside.ts', to: 'src/gateway/one.ts' },
  { rule: 'simulator-stands-on-upstreams', from: 'src/simulator/high.ts', to: 'src/limits/one.ts' },
  { rule: 'simulator-stands-on-upstreams', from: 'src/simulator/higher.ts', to: 'src/gateway/one.ts' },
  // A cycle is told once, at its first file.
  { rule: 'no-cycles', from: 'src/shared/back.ts', to: 'src/shared/there.ts' },
  { rule: 'drivers-in-their-adapters', from: 'src/projections/driver.ts', to: '@databases/sqlite' },
  { rule: 'drivers-in-their-adapters', from: 'src/infra/driver.ts', to: 'ioredis' },
  { rule: 'drivers-in-their-adapters', from: 'src/cli/driver.ts', to: 'pg' },
  { rule: 'express-on-the-surfaces', from: 'src/gateway/web.ts', to: 'express' },
  { rule: 'express-on-the-surfaces', from: 'src/infra/web.ts', to: 'express' },
  { rule: 'resolvable', from: 'src/shared/lost.ts', to: 'src/shared/nowhere.ts' },
  { rule: 'resolvable', from: 'src/shared/alien.ts', to: 'no-such-package' },
];

/** What must stay allowed, or the rules would be of no use. */
const allowed: readonly (readonly [from: string, to: string])[] = [
  ...floors.slice(1).map(([, file], i) => [file.replace('one.ts', 'down.ts'), floors[i]?.[1] ?? ''] as const),
  ['src/main.ts', 'src/app.ts'],
  // Its way back is a type alone, which leaves nothing at run time.
  ['src/shared/typeThere.ts', 'src/shared/typeBack.ts'],
  ['src/cli/down.ts', 'src/gateway/one.ts'],
  ['src/simulator/down.ts', 'src/upstreams/one.ts'],
  ['src/infra/database/driver.ts', '@databases/sqlite'],
  ['src/infra/redis/driver.ts', 'ioredis'],
  ['src/panels/web.ts', 'express'],
  ['src/shared/some.test.ts', 'src/app/one.ts'],
  ['src/limits/testing/some.ts', 'src/gateway/one.ts'],
];

function importText(from: string, to: string, typeOnly = false): string {
  const specifier = to.startsWith('src/') ? relative(from, to).replace(/\.ts$/, '.js') : to;
  return `import ${typeOnly ? 'type ' : ''}{ one } from '${specifier}';\nexport type Uses${typeOnly ? ' = one' : ' = typeof one'};\nexport const used = ${typeOnly ? '1' : 'one'};\n`;
}

function relative(from: string, to: string): string {
  const up = dirname(from).split('/').length;
  return `${'../'.repeat(up)}${to}`;
}

let tree: string;
let cruised: Cruised;

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(tree, file)), { recursive: true });
  await writeFile(join(tree, file), text);
}

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'kg-architecture-'));
  await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
  for (const file of [config, 'tsconfig.json', 'package.json']) await copyFile(join(root, file), join(tree, file));
  const targets = new Set([
    ...floors.map(([, file]) => file),
    ...top,
    'src/app.ts',
    'src/panels/one.ts',
    'src/limits/one.ts',
    'src/upstreams/one.ts',
  ]);
  for (const file of targets) await write(file, 'export const one = 1;\nexport type one = number;\n');
  for (const { from, to, typeOnly } of plants) await write(from, importText(from, to, typeOnly));
  await write('src/shared/there.ts', "import { used } from './back.js';\nexport const one = (): unknown => used;\n");
  await write('src/shared/typeBack.ts', "import type { Uses } from './typeThere.js';\nexport const one = 1;\nexport type Back = Uses;\n");
  for (const [from, to] of allowed) await write(from, importText(from, to));
  cruised = await cruise(tree);
});
afterAll(() => rm(tree, { recursive: true, force: true }));

const caught = (from: string): string[] => cruised.summary.violations.filter((one) => one.from === from).map(({ rule }) => rule.name);

describe('the architecture', () => {
  it('holds in this repository, and dependency-cruiser sees all of it', async () => {
    const { modules, summary } = await cruise(root);
    expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
    const own = modules.filter(({ source }) => source.startsWith('src/')).map(({ source }) => source);
    // A parser that cannot read our TypeScript would see nothing, and forbid nothing.
    for (const file of ['src/main.ts', 'src/app.ts', 'src/gateway/pipeline/forward.ts', 'src/infra/database/sqlite.ts'])
      expect(own).toContain(file);
  });

  it.each(plants.map((plant) => [plant.rule, plant.from, plant.to] as const))('catches by %s what %s takes from %s', (rule, from) => {
    expect(caught(from)).toContain(rule);
  });

  it.each(allowed)('lets %s use %s', (from) => {
    expect(cruised.modules.map(({ source }) => source)).toContain(from);
    expect(caught(from)).toEqual([]);
  });

  it('has no rule without a planted violation', () => {
    const { forbidden } = createRequire(import.meta.url)(join(root, config)) as { forbidden: readonly { name: string }[] };
    expect([...new Set(plants.map(({ rule }) => rule))].sort()).toEqual(forbidden.map(({ name }) => name).sort());
  });
});
