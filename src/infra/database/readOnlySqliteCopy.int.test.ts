/** A private copy is whole, and gone when its process is, however that ends. */
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ChildCode, childCode } from '../../../tests/support/childCode.js';
import { copyPrivately } from './readOnlySqliteCopy.js';

describe('a private copy', () => {
  let folder: string;
  let path: string;
  let code: ChildCode;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kirogate-copies-'));
    path = join(folder, 'theirs.db');
    await writeFile(path, 'the file');
    await writeFile(`${path}-wal`, 'its log');
    code = await childCode(['src/infra/database/readOnlySqliteCopy.ts']);
  });
  afterEach(async () => {
    await code.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** A process that holds a copy in `folder` until it is ended; the copy's folder, and how the process ends. */
  async function holder(atEnd = ''): Promise<{ dir: string; kill: (signal: NodeJS.Signals) => Promise<unknown[]> }> {
    const child = await code.start(
      `process.env.TMPDIR = process.argv[2];
      const { copyPrivately } = await import('./src/infra/database/readOnlySqliteCopy.js');
      const copy = await copyPrivately(process.argv[3]);
      setInterval(() => undefined, 1_000);
      ${atEnd}
      process.stdout.write(copy.path);`,
      [folder, path],
    );
    const [copied] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    const ended = once(child, 'exit');
    const kill = (signal: NodeJS.Signals): Promise<unknown[]> => {
      child.kill(signal);
      return ended;
    };
    return { dir: join(copied.toString(), '..'), kill };
  }
  const gone = (dir: string) => expect(stat(dir)).rejects.toThrow('ENOENT');

  test('holds the file and what lies beside it, for its owner alone, until it is removed', async () => {
    const copy = await copyPrivately(path);
    expect([await readFile(copy.path, 'utf8'), await readFile(`${copy.path}-wal`, 'utf8')]).toEqual(['the file', 'its log']);
    expect((await stat(join(copy.path, '..'))).mode & 0o077).toBe(0);
    await copy.remove();
    await copy.remove();
    await gone(join(copy.path, '..'));
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('goes with a process that %s ends, which ends as it would have', async (signal) => {
    const { dir, kill } = await holder();
    expect(await readdir(dir)).toContain('x.db');
    expect(await kill(signal)).toEqual([null, signal]);
    await gone(dir);
  });

  test('goes at the exit of a process that has its own way to end', async () => {
    const { dir, kill } = await holder("process.on('SIGTERM', () => process.exit(3));");
    expect(await kill('SIGTERM')).toEqual([3, null]);
    await gone(dir);
  });

  test('of a process that was killed goes when the next one is made; that of a living one stays', async () => {
    const killed = await holder();
    await killed.kill('SIGKILL');
    expect(await readdir(killed.dir)).toContain('x.db');
    const living = await holder();
    const next = await holder();
    await gone(killed.dir);
    expect(await readdir(living.dir)).toContain('x.db');
    await living.kill('SIGINT');
    await next.kill('SIGINT');
  });

  test('is not made of a file that is written all the time', async () => {
    let writing = true;
    const writer = (async () => {
      while (writing) await appendFile(path, 'more');
    })();
    await expect(copyPrivately(path)).rejects.toMatchObject({ fault: 'changing', message: expect.stringContaining('again and again') });
    writing = false;
    await writer;
  });

  test('names a file that cannot be copied, and leaves nothing', async () => {
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith(`kirogate-read-${process.pid}-`));
    await rm(path);
    await mkdir(path);
    await writeFile(join(path, 'x'), '');
    await expect(copyPrivately(path)).rejects.toMatchObject({ fault: 'missing' });
    expect((await readdir(tmpdir())).filter((name) => name.startsWith(`kirogate-read-${process.pid}-`))).toEqual(before);
  });
});
