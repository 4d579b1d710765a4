/** Carries out a Dockerfile without Docker: each stage is a folder, each step a copy or a command in it. What stands for what is said where it does. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { root as repository } from './files.js';

/** Not the synchronous one: a test's process that stands still for minutes is taken for dead. */
const execute = promisify(execFile);

export interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** Comments go, continued lines are one. */
export function parseDockerfile(text: string): readonly Instruction[] {
  const lines = text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [, word = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? [];
    return { word, rest: rest.trim() };
  });
}

/** Does the build see this file? As Docker has it: the last pattern that fits decides, and `!` takes back in. */
export function createIgnore(text: string): (path: string) => boolean {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ keep: line.startsWith('!'), pattern: globOf(line.replace(/^!/, '')) }));
  return (path) => {
    return rules.findLast(({ pattern }) => pattern.test(path))?.keep === false;
  };
}

/** A pattern means the file or folder and everything below it; hidden ones are like others. */
function globOf(pattern: string): RegExp {
  const parts = pattern.split(/(\*\*\/|\*)/).map((part) => {
    if (part === '**/') return '(?:.*/)?';
    return part === '*' ? '[^/]*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}(?:/|$)`);
}

export interface Image {
  /** The file system's root. */
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly from: string;
  /** The last one of each other instruction. */
  readonly facts: ReadonlyMap<string, string>;
  /** Commands that something else stood for. */
  readonly replaced: readonly string[];
}

type Stage = { root: string; workdir: string; env: Record<string, string>; from: string; facts: Map<string, string>; replaced: string[] };

/** Builds every stage below `scratch` and answers the last one. */
export async function carryOut(instructions: readonly Instruction[], scratch: string): Promise<Image> {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { word, rest } of instructions) {
    if (word === 'FROM') {
      const [, from = '', name = 'last'] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      stage = begin(join(scratch, name), from, stages.get(from));
      stages.set(name, stage);
    } else if (stage === undefined) throw new Error(`${word} before FROM`);
    else await step(stage, word, rest, stages);
  }
  if (stage === undefined) throw new Error('there is no FROM');
  return stage;
}

/** What every image of node has to install and to build with. */
const ofBase = [
  ...['npm', 'npx', 'corepack', 'yarn', 'yarnpkg'].map((name) => `usr/local/bin/${name}`),
  ...['npm', 'corepack'].map((name) => `usr/local/lib/node_modules/${name}/package.json`),
  'usr/local/include/node/node.h',
  'opt/yarn-v1.22.22/bin/yarn',
];

function begin(root: string, from: string, parent: Stage | undefined): Stage {
  mkdirSync(root, { recursive: true });
  for (const path of ofBase) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
  }
  const workdir = parent?.workdir ?? '/';
  mkdirSync(join(root, workdir), { recursive: true });
  return { root, workdir, env: { ...parent?.env }, from: parent?.from ?? from, facts: new Map(), replaced: [] };
}

const inside = (stage: Stage, path: string): string => join(stage.root, isAbsolute(path) ? path : join(stage.workdir, path));

async function step(stage: Stage, word: string, rest: string, stages: ReadonlyMap<string, Stage>): Promise<void> {
  if (word === 'WORKDIR') {
    stage.workdir = rest;
    mkdirSync(inside(stage, '.'), { recursive: true });
  } else if (word === 'ENV') {
    for (const [, name = '', value = ''] of rest.matchAll(/(\w+)=(\S+)/g)) stage.env[name] = value;
  } else if (word === 'COPY') copy(stage, rest, stages);
  else if (word === 'RUN') for (const command of rest.split('&&').map((part) => part.trim())) await run(stage, command);
  else stage.facts.set(word, rest);
}

function copy(stage: Stage, rest: string, stages: ReadonlyMap<string, Stage>): void {
  const [, name, paths = rest] = /^--from=(\S+) (.*)$/.exec(rest) ?? [];
  const [target = '', ...sources] = paths.split(/\s+/).reverse();
  const to = inside(stage, target);
  if (name !== undefined) {
    const from = stages.get(name);
    if (from === undefined) throw new Error(`there is no stage ${name}`);
    for (const source of sources) cpSync(inside(from, source), target.endsWith('/') ? join(to, source.split('/').at(-1) ?? '') : to, links);
    return;
  }
  for (const path of contextFiles()) {
    if (!sources.some((source) => source === '.' || path === source || path.startsWith(`${source}/`))) continue;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    cpSync(join(repository, path), join(to, path));
  }
}

const links = { recursive: true, verbatimSymlinks: true } as const;

/** What Docker would send to the build. */
export function contextFiles(): readonly string[] {
  const ignored = createIgnore(readFileSync(join(repository, '.dockerignore'), 'utf8'));
  const walk = (folder: string): string[] =>
    readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (['node_modules', '.git', 'dist', 'data'].includes(path)) return ignored(path) ? [] : [path];
      return entry.isDirectory() ? walk(path) : ignored(path) ? [] : [path];
    });
  return walk('');
}

/** Runs one command in the stage. Packages of the system are those of this machine; those of npm are this repository's, as hard links. */
async function run(stage: Stage, command: string): Promise<void> {
  if (/^apt-get |^rm -rf \/var\/lib\/apt/.test(command)) return void stage.replaced.push(command);
  if (/^npm ci\b/.test(command)) {
    stage.replaced.push(command);
    return linkTree(join(repository, 'node_modules'), inside(stage, 'node_modules'));
  }
  if (/^chown /.test(command)) return void stage.replaced.push(command);
  // Absolute paths are the stage's own.
  const local = command.replaceAll(/(?<=\s)\/(?=\w)/g, `${stage.root}/`);
  for (const [, path = ''] of local.matchAll(/ (\S+\/bin\/)\S+$/g)) mkdirSync(path, { recursive: true });
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: stage.root,
    ...stage.env,
    npm_config_offline: 'true',
    npm_config_ignore_scripts: 'true',
  };
  await execute('sh', ['-ec', local], { cwd: inside(stage, '.'), env });
}

/** Hard links but for what npm and our own scripts write in place: that would change the repository's. */
async function linkTree(from: string, to: string): Promise<void> {
  await execute('cp', ['-al', from, to]);
  for (const entry of readdirSync(from)) {
    if (!entry.startsWith('.') || entry === '.bin') continue;
    rmSync(join(to, entry), { recursive: true, force: true });
    if (entry.endsWith('.json') || entry === '.kirogate-installed') cpSync(join(from, entry), join(to, entry));
  }
}

/** Every file of the image, relative to its root, and the bytes of all. */
export function inventory({ root }: Image): { readonly files: readonly string[]; readonly bytes: number } {
  const walk = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)],
    );
  const all = existsSync(root) ? walk(root) : [];
  const bytes = all.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
  return { files: all.map((path) => relative(root, path)), bytes };
}
