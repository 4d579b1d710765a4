/** One node per data folder, whoever asks and however the first one ended. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childCode } from '../../tests/support/childCode.js';
import { lockDataDir } from './nodeLock.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kg-lock-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('the lock of a data folder', () => {
  it('is given to one node, and to the next when that one ends', async () => {
    const release = await lockDataDir(dir);
    await expect(lockDataDir(dir)).rejects.toThrow(`another KiroGate node runs on ${dir}`);
    await release();
    const next = await lockDataDir(dir);
    await expect(lockDataDir(dir)).rejects.toThrow('another KiroGate node');
    await next();
  });

  it('says what to do', async () => {
    const release = await lockDataDir(dir);
    await expect(lockDataDir(dir)).rejects.toThrow('stop it, or give this one its own DATA_DIR');
    await release();
  });

  it('is given to exactly one of many that start at once', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dir)));
    const held = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(held).toHaveLength(1);
    for (const one of tries) if (one.status === 'rejected') expect(String(one.reason)).toContain('another KiroGate node');
    await held[0]?.();
  });

  it('makes the folder where it is missing, and leaves other folders alone', async () => {
    const one = await lockDataDir(join(dir, 'new', 'one'));
    const two = await lockDataDir(join(dir, 'new', 'two'));
    await one();
    await two();
  });

  it('is held against other processes, and dies with a killed one', async () => {
    const code = await childCode(['src/app/nodeLock.ts']);
    try {
      const child = await code.start(
        `import { lockDataDir } from './src/app/nodeLock.js';
         await lockDataDir(process.argv[2]);
         console.log('held');
         setInterval(() => {}, 1000);`,
        [dir],
      );
      await once(child.stdout ?? child, 'data');
      await expect(lockDataDir(dir)).rejects.toThrow('another KiroGate node');
      child.kill('SIGKILL');
      await once(child, 'exit');
      const release = await lockDataDir(dir);
      await release();
    } finally {
      await code.remove();
    }
  });
});
