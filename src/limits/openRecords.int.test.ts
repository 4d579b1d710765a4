import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryLimits } from './memory.js';
import { type OpenRecords, openFileOpenRecords } from './openRecords.js';
import type { OpenRecord } from './port.js';
import { admitRequest, createTestClock, poolToken, risingRandom } from './testing/fixtures.js';

const record = (id: string, attempt = 1): OpenRecord => ({
  requestId: `request-${id}`,
  terminalEventId: `event-${id}`,
  attemptId: `attempt-${id}-${attempt}`,
  attempt,
  tokenId: 'a',
  userId: 'user',
  keyId: 'key',
  period: { day: '2026-11-23', month: '2026-11' },
  facts: { endpoint: '/v1/messages', model: 'sonnet', stream: true, startedAt: 1 },
  metered: true,
});

describe('open records in a file', () => {
  let dir: string;
  let path: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kirogate-open-'));
    path = join(dir, 'open-records');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** What a process that dies now leaves to the next one. */
  const afterCrash = async (): Promise<OpenRecords> => {
    await writeFile(`${path}.crash`, await readFile(path));
    return openFileOpenRecords({ path: `${path}.crash` });
  };

  it('are found after a crash, oldest first, without those that were closed', async () => {
    const records = await openFileOpenRecords({ path });
    expect(records.abandoned()).toEqual([]);
    for (const id of ['1', '2', '3']) await records.begin(record(id));
    await records.begin(record('2', 2));
    await records.end('request-1');
    const next = await afterCrash();
    expect(next.abandoned()).toEqual([record('3'), record('2', 2)]);
    await next.end('request-3');
    await next.begin(record('4'));
    expect(next.abandoned()).toEqual([record('2', 2)]);
    await next.close();
    await records.close();
  });

  it('survive a torn last line', async () => {
    const records = await openFileOpenRecords({ path });
    await records.begin(record('1'));
    await records.begin(record('2'));
    await records.close();
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 3));
    const next = await openFileOpenRecords({ path });
    expect(next.abandoned()).toEqual([record('1')]);
    await next.close();
  });

  it('keep the file small, and lose nothing while it is rewritten', async () => {
    const records = await openFileOpenRecords({ path, compactAfter: 50 });
    await records.begin(record('old'));
    for (let round = 0; round < 40; round += 1) {
      await Promise.all(Array.from({ length: 50 }, (_, i) => records.begin(record(`${round}-${i}`))));
      await Promise.all(
        Array.from({ length: 50 }, (_, i) => (i === 7 && round === 39 ? Promise.resolve() : records.end(`request-${round}-${i}`))),
      );
      const next = await afterCrash();
      const left = round === 39 ? [record('old'), record('39-7')] : [record('old')];
      expect(next.abandoned()).toEqual(left);
      await next.close();
    }
    expect((await stat(path)).size).toBeLessThan(300 * 400);
    await records.close();
  });

  it('are written before an admission resolves, and closed by its end', async () => {
    const open = async () =>
      createMemoryLimits({ clock: createTestClock(), random: risingRandom(), openRecords: await openFileOpenRecords({ path }) });
    const limits = await open();
    await limits.putTokens([poolToken('a')]);
    await limits.admit(admitRequest('1'));
    expect((await afterCrash()).abandoned()).toMatchObject([{ requestId: 'request-1', attemptId: 'attempt-1', tokenId: 'a' }]);
    await limits.finish({ requestId: 'request-1', quota: 'keep' });
    expect((await afterCrash()).abandoned()).toEqual([]);
    await limits.close();
  });

  it('refuse the admission and take everything back when they cannot be written', async () => {
    const records = await openFileOpenRecords({ path });
    const limits = createMemoryLimits({ clock: createTestClock(), random: risingRandom(), openRecords: records });
    await limits.putTokens([poolToken('a')]);
    await records.close();
    const over = { quota: { daily: 5, monthly: 5 }, keyRpm: 5 };
    await expect(limits.admit(admitRequest('1', over))).rejects.toMatchObject({ code: 'storage_unavailable', status: 503 });
    expect(await limits.userUse('user')).toMatchObject({ dayUsed: 0, monthUsed: 0 });
    expect(await limits.keyUse('key')).toBe(0);
    expect(await limits.tokenUse(['a'])).toMatchObject([{ rpm: 0, concurrency: 0 }]);
  });

  it('refuse a file that is something else', async () => {
    await writeFile(path, 'SQLite format 3');
    await expect(openFileOpenRecords({ path })).rejects.toThrow(/not an append file/);
  });
});
