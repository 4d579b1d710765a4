/** The append file on a real disk: torn tails, damage, crashes, a full disk, and replacing its content. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childCode, finished } from '../../tests/support/childCode.js';
import { AppendFileFull, frame, openAppendFile, scan } from './appendFile.js';

describe('an append file', () => {
  let dir: string;
  let path: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kg-append-'));
    path = join(dir, 'deep', 'x.log');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const write = async (...records: string[]): Promise<Buffer> => {
    const file = await openAppendFile({ path });
    await Promise.all(records.map((record) => file.append(Buffer.from(record))));
    await file.close();
    return readFile(path);
  };
  const found = async (): Promise<string[]> => {
    const file = await openAppendFile({ path });
    await file.close();
    return file.found.map(String);
  };

  it('gives back what was appended, in order, also empty records', async () => {
    await write('a', '', 'c'.repeat(100_000));
    await write('d');
    expect(await found()).toEqual(['a', '', 'c'.repeat(100_000), 'd']);
  });

  it('is for its owner only', async () => {
    await write('a');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('cuts a tail torn at any byte, keeps what is before it, and goes on from there', async () => {
    const whole = await write('first', 'second', 'third');
    const ends = [1, 2, 3].map(
      (count) => 4 + ['first', 'second', 'third'].slice(0, count).reduce((sum, record) => sum + 8 + record.length, 0),
    );
    for (let cut = 0; cut < whole.length; cut += 1) {
      await writeFile(path, whole.subarray(0, cut));
      const intact = ends.filter((end) => end <= cut).length;
      const file = await openAppendFile({ path });
      expect(file.found.map(String)).toEqual(['first', 'second', 'third'].slice(0, intact));
      await file.append(Buffer.from('next'));
      await file.close();
      expect(await found()).toEqual([...['first', 'second', 'third'].slice(0, intact), 'next']);
    }
  });

  it('stops before a record with any byte changed, and says how much it cut', async () => {
    const whole = await write('first', 'second');
    const length = frame(Buffer.from('second')).length;
    for (let at = whole.length - length; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      await writeFile(path, damaged);
      const file = await openAppendFile({ path });
      expect(file.found.map(String)).toEqual(['first']);
      expect(file.cutBytes).toBe(length);
      await file.close();
    }
  });

  it('takes zeros at the end for nothing, as a power cut leaves them', async () => {
    await writeFile(path, Buffer.concat([await write('a'), Buffer.alloc(64)]));
    expect(await found()).toEqual(['a']);
    await writeFile(path, Buffer.alloc(64));
    expect(await found()).toEqual([]);
  });

  it('refuses a file of something else and leaves it as it was', async () => {
    await write('a');
    await writeFile(path, 'somebody wrote a letter here');
    await expect(openAppendFile({ path })).rejects.toThrow(path);
    expect(String(await readFile(path))).toBe('somebody wrote a letter here');
  });

  it('refuses to grow beyond its bound, and takes more after a rewrite', async () => {
    const file = await openAppendFile({ path, maxBytes: 100 });
    await file.append(Buffer.alloc(60));
    await expect(file.append(Buffer.alloc(60))).rejects.toBeInstanceOf(AppendFileFull);
    await file.rewrite([]);
    await file.append(Buffer.alloc(60));
    expect(file.size).toBe((await stat(path)).size);
    await file.close();
  });

  it('replaces its content in one step; appends called later come after it', async () => {
    const file = await openAppendFile({ path });
    const work = [
      file.append(Buffer.from('old')),
      file.rewrite([Buffer.from('kept')]),
      file.append(Buffer.from('new')),
      file.rewrite([Buffer.from('kept again')]),
      file.append(Buffer.from('newer')),
    ];
    await Promise.all(work);
    await file.close();
    expect(await found()).toEqual(['kept again', 'newer']);
    expect(await readdir(join(dir, 'deep'))).toEqual(['x.log']);
  });

  it('writes what was queued before it closes, and refuses what comes later', async () => {
    const file = await openAppendFile({ path });
    const queued = file.append(Buffer.from('a'));
    const closing = file.close();
    await Promise.all([queued, closing, file.close()]);
    await expect(file.append(Buffer.from('b'))).rejects.toThrow(/closed/);
    expect(await found()).toEqual(['a']);
  });

  it('holds exactly the acknowledged records through any history of appends, rewrites and crashes', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          records: fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 5 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('rewrite' as const), keep: fc.nat(10) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), torn: fc.uint8Array({ maxLength: 40 }), cut: fc.nat(47) }) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        path = join(dir, `history-${run++}.log`);
        let model: Buffer[] = [];
        let file = await openAppendFile({ path });
        for (const each of steps) {
          if (each.kind === 'append') {
            const records = each.records.map((bytes) => Buffer.from(bytes));
            await Promise.all(records.map((record) => file.append(record)));
            model.push(...records);
          } else if (each.kind === 'rewrite') {
            model = model.slice(-each.keep);
            await file.rewrite(model);
          } else {
            // The process died inside its next write: any part of a frame, never the whole of it, is on the disk.
            const torn = frame(Buffer.from(each.torn));
            const bytes = Buffer.concat([await readFile(path), torn.subarray(0, Math.min(each.cut, torn.length - 1))]);
            await file.close();
            await writeFile(path, bytes);
            file = await openAppendFile({ path });
            expect(file.found).toEqual(model);
          }
        }
        await file.close();
        expect(scan(await readFile(path)).records).toEqual(model);
      }),
      { numRuns: 40 },
    );
  });

  describe('in a process of its own', () => {
    let code: Awaited<ReturnType<typeof childCode>>;
    beforeEach(async () => {
      code = await childCode(['src/infra/appendFile.ts']);
    });
    afterEach(() => code.remove());

    it('keeps every acknowledged record when the process is killed', async () => {
      const child = await code.start(
        `import { openAppendFile } from './src/infra/appendFile.js';
         const file = await openAppendFile({ path: process.argv[2] });
         for (let n = 0; ; n += 4) {
           await Promise.all([n, n + 1, n + 2, n + 3].map((each) => file.append(Buffer.from(String(each))).then(() => process.stdout.write(each + '\\n'))));
         }`,
        [path],
      );
      let lines = 0;
      child.stdout?.on('data', (chunk: Buffer) => {
        lines += String(chunk).split('\n').length - 1;
        if (lines > 300) child.kill('SIGKILL');
      });
      const acknowledged = (await finished(child)).trim().split('\n').slice(0, -1).map(Number);
      const kept = (await found()).map(Number);
      expect(acknowledged.length).toBeGreaterThan(200);
      expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => index));
      expect(kept.length).toBeGreaterThanOrEqual(acknowledged.length);
    });

    it('rejects what a full disk did not take, and loses nothing else', async () => {
      const script = `import { openAppendFile } from './src/infra/appendFile.js';
         const file = await openAppendFile({ path: process.argv[2] });
         const kept = [];
         for (let n = 0; n < 12; n++) {
           const record = String(n).padEnd(n === 11 ? 10 : 1500, '.');
           await file.append(Buffer.from(record)).then(() => kept.push(n), () => undefined);
         }
         await file.close();
         console.log(JSON.stringify(kept));`;
      const probe = await code.start(script, [path]);
      expect(JSON.parse(await finished(probe))).toHaveLength(12);
      await rm(path);
      // The shell lets a process write 8 KiB to one file (16 KiB where its blocks are larger).
      const node = probe.spawnargs.slice(1);
      const limited = spawn('sh', ['-c', 'ulimit -f 16; exec "$0" "$@"', process.execPath, ...node]);
      const kept = JSON.parse(await finished(limited)) as number[];
      expect(kept.length).toBeLessThan(12);
      expect(kept.at(-1)).toBe(11);
      expect((await found()).map((record) => Number.parseInt(record, 10))).toEqual(kept);
    });
  });
});
