import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childCode } from '../../tests/support/childCode.js';
import { until } from '../../tests/support/until.js';
import { lockFile } from './lockFile.js';

describe('a lock file', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kg-lock-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('has one holder at a time', async () => {
    const release = await lockFile(join(dir, 'lock'));
    expect(release).not.toBeNull();
    expect(await lockFile(join(dir, 'lock'))).toBeNull();
    await release?.();
    const again = await lockFile(join(dir, 'lock'));
    expect(again).not.toBeNull();
    await again?.();
  });

  it('is free again when its holder is killed', async () => {
    const code = await childCode(['src/infra/lockFile.ts']);
    const child = await code.start(
      `import { lockFile } from './src/infra/lockFile.js';
       console.log((await lockFile(process.argv[2])) === null ? 'taken' : 'held');
       setInterval(() => undefined, 1000);`,
      [join(dir, 'lock')],
    );
    const said = await new Promise((resolve) => child.stdout?.once('data', (chunk: Buffer) => resolve(String(chunk))));
    expect(said).toBe('held\n');
    expect(await lockFile(join(dir, 'lock'))).toBeNull();
    child.kill('SIGKILL');
    const release = await until('the lock', async () => (await lockFile(join(dir, 'lock'))) ?? undefined);
    await release();
    await code.remove();
  });
});
