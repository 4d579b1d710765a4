/** Lets a test run the product's own modules in child processes, which it may kill: transpiles what an entry reaches. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

export interface ChildCode {
  /** Starts `node` on an ES module that may import the entries as `./src/….js`; arguments arrive from `process.argv[2]` on. */
  start(source: string, args?: readonly string[]): Promise<ChildProcess>;
  remove(): Promise<void>;
}

/** `entries`: files from the repository root, such as `src/infra/appendFile.ts`. */
export async function childCode(entries: readonly string[]): Promise<ChildCode> {
  const dir = await mkdtemp(join(tmpdir(), 'kg-child-'));
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
  await writeFile(join(dir, 'package.json'), '{"type":"module"}');
  const todo = entries.map((entry) => join(root, entry));
  const seen = new Set(todo);
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    const text = await readFile(path, 'utf8');
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
    });
    const target = join(dir, relative(root, path)).replace(/\.ts$/, '.js');
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
    for (const [, specifier] of outputText.matchAll(/from\s+'(\.[^']+)\.js'/g)) {
      const next = `${resolve(dirname(path), specifier ?? '')}.ts`;
      if (!seen.has(next)) {
        seen.add(next);
        todo.push(next);
      }
    }
  }
  let count = 0;
  return {
    async start(source, args = []) {
      const script = join(dir, `child-${count++}.mjs`);
      await writeFile(script, source);
      return spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** What the child printed, once it has ended; rejects with its error output when it failed. */
export function finished(child: ChildProcess): Promise<string> {
  return new Promise((resolvePromise, reject) => {
    let out = '';
    let err = '';
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk));
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) =>
      code === 0 || signal === 'SIGKILL' ? resolvePromise(out) : reject(new Error(`exit ${code}: ${err}`)),
    );
  });
}
