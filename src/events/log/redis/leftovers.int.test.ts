/** What dead runs left on a shared disk is taken over by exactly one of those who start, however many start at once. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFile } from '../../../infra/lockFile.js';
import { encodeSpoolRecord, Spool } from '../spool.js';
import { findLeftovers, type Leftovers } from './leftovers.js';
import { inTurn, makeFolder } from './spoolFolder.js';

let parent: string;
let root: string;
let said: string[];
const logger = pino({ level: 'warn' }, { write: (line: string) => void said.push(line) });

beforeEach(async () => {
  said = [];
  parent = await mkdtemp(join(tmpdir(), 'kg-leftovers-'));
  root = join(parent, 'spool');
  await mkdir(root);
});
afterEach(() => rm(parent, { recursive: true, force: true }));

/** The folder of a run that was killed; `records`: events that it had not seen archived. */
async function deadRun(name: string, records: number): Promise<void> {
  const dir = join(root, name);
  const spool = await Spool.open({ dir, maxBytes: 1e6, onError: (error) => void said.push(String(error)) });
  await Promise.all(
    Array.from({ length: records }, (_, n) => spool.write(encodeSpoolRecord({ partition: 'p0', src: name, n, values: ['', ''] })).written),
  );
  await spool.close();
  await writeFile(join(dir, 'lock'), '');
  if (records === 0) await writeFile(join(dir, '000001.spool'), '');
}

const find = (own: string): Promise<Leftovers> => findLeftovers({ root, own, logger });

/** One start: takes what it finds, and lets all of it go as archived. Answers the runs whose events it took. */
async function start(own: string): Promise<string[]> {
  const taken: string[] = [];
  const leftovers = await find(own);
  await leftovers.each(({ segment, records }) => {
    taken.push(...records.map(({ src }) => src));
    leftovers.done(segment);
  });
  await leftovers.close();
  return taken;
}

describe('what dead runs left', () => {
  it('is taken by one of many that start at once, and none of them stumbles over what another removes', async () => {
    for (let round = 0; round < 3; round += 1) {
      const runs = Array.from({ length: 12 }, (_, index) => `dead-${round}-${index}`);
      await Promise.all(runs.map((name, index) => deadRun(name, index % 2)));
      const taken = (await Promise.all(Array.from({ length: 6 }, (_, index) => start(`starter-${index}`)))).flat();
      expect(taken.sort()).toEqual(runs.filter((_, index) => index % 2 === 1).sort());
      expect(await readdir(root)).toEqual([]);
    }
    expect(said).toEqual([]);
  }, 60_000);

  it('stays while its holder lives, and for the next when that lets go of it before all is archived', async () => {
    await deadRun('dead', 2);
    const first = await find('a');
    const seen: string[] = [];
    await first.each(({ segment }) => void seen.push(segment.path));
    expect(await start('b')).toEqual([]);
    await first.close();
    expect(seen).toHaveLength(1);
    expect(await start('c')).toEqual(['dead', 'dead']);
  });

  it('is none of what a run has that has only begun', async () => {
    const young = await makeFolder(root, 'young');
    await start('own');
    expect(await readdir(root)).toEqual(['young']);
    await young.remove();
    expect(await readdir(root)).toEqual([]);
  });

  it('waits for the next start when somebody does not let go of his turn', async () => {
    await deadRun('dead', 1);
    const folder = await makeFolder(root, 'own');
    const release = await lockFile(`${root}.lock`);
    expect(await inTurn(root, () => Promise.resolve('mine'), 50)).toBeNull();
    await release?.();
    expect(await inTurn(root, () => Promise.resolve('mine'), 50)).toBe('mine');
    await folder.release();
  });

  it('is named and left alone where it cannot be locked, and the rest is taken', async () => {
    await deadRun('broken', 1);
    await rm(join(root, 'broken', 'lock'));
    await mkdir(join(root, 'broken', 'lock'));
    await deadRun('dead', 1);
    expect(await start('own')).toEqual(['dead']);
    expect(await readdir(root)).toEqual(['broken']);
    expect(said.join()).toMatch(/broken.*stays and may hold events/);
  });
});
