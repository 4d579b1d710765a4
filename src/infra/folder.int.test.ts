import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureFolder } from './folder.js';

describe('a folder', () => {
  it('is made with everything above it, and again without complaint', async () => {
    const root = await mkdtemp(join(tmpdir(), 'kirogate-folder-'));
    await ensureFolder(join(root, 'a', 'b', 'c'), 0o700);
    await ensureFolder(join(root, 'a', 'b', 'c'), 0o700);
    expect((await stat(join(root, 'a', 'b', 'c'))).isDirectory()).toBe(true);
    await rm(root, { recursive: true });
  });

  it('is refused at once where none can be made', async () => {
    await expect(ensureFolder('/proc/no-folders-here/at-all')).rejects.toMatchObject({ code: 'ENOENT' });
    const root = await mkdtemp(join(tmpdir(), 'kirogate-folder-'));
    await writeFile(join(root, 'file'), '');
    await expect(ensureFolder(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await rm(root, { recursive: true });
  });
});
