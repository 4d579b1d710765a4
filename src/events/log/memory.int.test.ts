/** The in-process log: the contract with and without a journal, restarts, a killed process, back-pressure and a full disk. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childCode, finished } from '../../../tests/support/childCode.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import { cursorsOf, eventLogContract, exampleEvent, watermarksOf } from './contract.js';
import { type MemoryLogOptions, openMemoryLog } from './memory.js';
import type { EventLog, LogEntry } from './port.js';

const ids = createIds(systemClock);
const base = { partitions: 4, ids, clock: systemClock };
const now = { waitMs: 0, lingerMs: 0, limit: 100_000 };

describe('the log in memory', () => {
  eventLogContract(async () => {
    const log = await openMemoryLog({ ...base, dir: null });
    return { log, end: () => log.close() };
  });
});

describe('the log with a journal', () => {
  let dir: string;
  const logs: EventLog[] = [];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kg-log-'));
  });
  afterEach(async () => {
    await Promise.all(logs.splice(0).map((log) => log.close()));
    await rm(dir, { recursive: true, force: true });
  });

  const open = async (over: Partial<MemoryLogOptions> = {}): Promise<EventLog> => {
    const log = await openMemoryLog({ ...base, dir: join(dir, 'journal'), ...over });
    logs.push(log);
    return log;
  };
  const readAll = (log: EventLog): Promise<LogEntry[]> => log.read(new Map(), now);
  const eventIds = (entries: readonly LogEntry[]): string[] => entries.map(({ event }) => event.id);
  const files = (): Promise<string[]> => readdir(join(dir, 'journal'));

  describe('keeps the contract', () => {
    eventLogContract(async () => {
      const own = await mkdtemp(join(tmpdir(), 'kg-log-'));
      const log = await openMemoryLog({ ...base, dir: own, segmentBytes: 2_000 });
      return {
        log,
        end: async () => {
          await log.close();
          await rm(own, { recursive: true });
        },
      };
    });
  });

  it('offers what an earlier run left, first and under its own source and numbers', async () => {
    const first = await open();
    for (let index = 0; index < 6; index += 1) await first.append(exampleEvent(`key-${index}`));
    const before = await readAll(first);
    await first.close();
    const second = await open();
    const mine = exampleEvent('key-1');
    await second.append(mine);
    const after = await readAll(second);
    expect(after.slice(0, 6).map(({ partition, src, n, event }) => ({ partition, src, n, event }))).toEqual(
      before.map(({ partition, src, n, event }) => ({ partition, src, n, event })),
    );
    expect(after[6]).toMatchObject({ n: 1, event: mine });
    expect(after[6]?.src).not.toBe(before[0]?.src);
    expect(second.backlog().events).toBe(7);
  });

  it('offers an earlier run to a reader that comes with the cursors of that run', async () => {
    const first = await open();
    for (let index = 0; index < 3; index += 1) await first.append(exampleEvent('a'));
    const cursors = cursorsOf((await readAll(first)).slice(0, 2));
    await first.close();
    expect(await (await open()).read(cursors, now)).toHaveLength(3);
  });

  it('offers all that was not archived, over many restarts, and nothing of files that were archived whole', async () => {
    const left: string[] = [];
    const gone = new Set<string>();
    for (let run = 0; run < 5; run += 1) {
      const log = await open({ segmentBytes: 1 });
      const offered = new Set(eventIds(await readAll(log)));
      expect(left.filter((id) => !offered.has(id))).toEqual([]);
      expect([...gone].filter((id) => offered.has(id))).toEqual([]);
      if (run % 2 === 1) {
        await log.archived(watermarksOf(await readAll(log)));
        for (const id of left.splice(0)) gone.add(id);
      }
      const mine = Array.from({ length: 8 }, (_, index) => exampleEvent(`key-${index}`));
      for (const event of mine) await log.append(event);
      const archived = await log.read(new Map(), { ...now, limit: 5 });
      await log.archived(watermarksOf(archived));
      left.push(...eventIds(await readAll(log)).filter((id) => !left.includes(id)));
      for (const id of eventIds(archived)) if (left.includes(id)) left.splice(left.indexOf(id), 1);
      await log.close();
    }
  });

  it('leaves no file when everything is archived', async () => {
    const first = await open({ segmentBytes: 500 });
    for (let index = 0; index < 20; index += 1) await first.append(exampleEvent(`key-${index}`));
    await first.close();
    expect(await files()).not.toEqual([]);
    const second = await open();
    await second.append(exampleEvent('more'));
    await second.archived(watermarksOf(await readAll(second)));
    await second.close();
    expect(await files()).toEqual([]);
  });

  it('does not let its files grow with what is archived', async () => {
    const log = await open({ segmentBytes: 5_000 });
    for (let round = 0; round < 30; round += 1) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => log.append(exampleEvent(`key-${index}`, { filler: 'x'.repeat(200) }))));
      await log.archived(watermarksOf(await readAll(log)));
    }
    await log.append(exampleEvent('last'));
    await log.close();
    expect((await files()).length).toBeLessThanOrEqual(2);
  });

  it('forgets a torn last record, which nobody was told to be safe', async () => {
    const first = await open();
    const events = [exampleEvent('a'), exampleEvent('a')];
    for (const event of events) await first.append(event);
    await first.close();
    const [name = ''] = await files();
    const path = join(dir, 'journal', name);
    await writeFile(path, (await readFile(path)).subarray(0, -3));
    expect(eventIds(await readAll(await open()))).toEqual([events[0]?.id]);
  });

  it('refuses to start on a journal that it cannot read', async () => {
    await mkdir(join(dir, 'journal'), { recursive: true });
    await writeFile(join(dir, 'journal', '0199.000001.log'), 'something else entirely');
    await expect(open()).rejects.toThrow(/0199\.000001\.log.*move it away/);
  });

  it('makes appenders wait while too much is not archived, and lets them go in order', async () => {
    const log = await open({ maxEvents: 3 });
    const events = Array.from({ length: 9 }, () => exampleEvent('a'));
    const done: string[] = [];
    const appends = events.map((event) => log.append(event).then(() => done.push(event.id)));
    await Promise.all(appends.slice(0, 3));
    const seen: LogEntry[] = [];
    while (seen.length < 9) {
      const entries = await readAll(log);
      expect(log.backlog().events).toBeLessThanOrEqual(3);
      seen.push(...entries);
      await log.archived(watermarksOf(entries));
    }
    await Promise.all(appends);
    expect(eventIds(seen)).toEqual(events.map(({ id }) => id));
    expect(done).toEqual(events.map(({ id }) => id));
  });

  it('refuses those who wait when it closes', async () => {
    const log = await open({ maxEvents: 1 });
    await log.append(exampleEvent('a'));
    const waiting = expect(log.append(exampleEvent('a'))).rejects.toMatchObject({ code: 'storage_unavailable' });
    await log.close();
    await waiting;
  });

  it('closes every record for a run that appended in bulk', async () => {
    const log = await open({ segmentBytes: 10_000 });
    const events = Array.from({ length: 3_000 }, (_, index) => exampleEvent(`key-${index % 50}`));
    await Promise.all(events.map((event) => log.append(event)));
    await log.close();
    const again = await readAll(await open());
    expect(eventIds(again).sort()).toEqual(events.map(({ id }) => id).sort());
  });

  describe('in a process of its own', () => {
    let code: Awaited<ReturnType<typeof childCode>>;
    beforeEach(async () => {
      code = await childCode(['src/events/log/memory.ts', 'src/shared/clock.ts', 'src/shared/ids.ts']);
    });
    afterEach(() => code.remove());
    const opening = `
      import { openMemoryLog } from './src/events/log/memory.js';
      import { systemClock } from './src/shared/clock.js';
      import { createIds } from './src/shared/ids.js';
      const event = (n) => ({ id: 'e' + n, type: 'kirogate.token.used', source: '/n', subject: 'token/a', time: n, data: { pad: 'x'.repeat(1000) },
        dataversion: 1, partitionkey: 'key-' + (n % 7), actor: 'key/k', correlationid: null, causationid: null });
      const log = await openMemoryLog({ partitions: 4, dir: process.argv[2], segmentBytes: 50_000, ids: createIds(systemClock), clock: systemClock });`;

    it('loses no acknowledged event when it is killed', async () => {
      const child = await code.start(
        `${opening}
         for (let n = 0; ; n += 5) await Promise.all([0, 1, 2, 3, 4].map((k) => log.append(event(n + k)).then(() => process.stdout.write('e' + (n + k) + '\\n'))));`,
        [join(dir, 'journal')],
      );
      let lines = 0;
      child.stdout?.on('data', (chunk: Buffer) => {
        lines += String(chunk).split('\n').length - 1;
        if (lines > 400) child.kill('SIGKILL');
      });
      const acknowledged = (await finished(child)).trim().split('\n').slice(0, -1);
      expect(acknowledged.length).toBeGreaterThan(300);
      const kept = await readAll(await open());
      const keptIds = new Set(eventIds(kept));
      expect(acknowledged.filter((id) => !keptIds.has(id))).toEqual([]);
      for (const partition of ['p0', 'p1', 'p2', 'p3']) {
        const mine = kept.filter((entry) => entry.partition === partition).map(({ n }) => n);
        expect(mine).toEqual(mine.map((_, index) => index + 1));
      }
    });

    it('counts an event as safe only once it is archived while the disk takes no more', async () => {
      const script = `${opening.replace('clock: systemClock', 'clock: systemClock, logger')}
        let safe = 0;
        const appends = Array.from({ length: 20 }, (_, n) => log.append(event(n)).then(() => { safe += 1; }));
        await Promise.race([failed, Promise.all(appends)]);
        const before = safe;
        const entries = await log.read(new Map(), { limit: 1000, waitMs: 0, lingerMs: 0 });
        await log.archived(['p0', 'p1', 'p2', 'p3'].map((partition) => ({ partition, producers: new Map(), cursor: entries.findLast((e) => e.partition === partition)?.cursor ?? '' })));
        await Promise.all(appends);
        await log.close();
        console.log(JSON.stringify({ before, read: entries.length, after: safe }));`;
      const logging = `let fail; const failed = new Promise((resolve) => { fail = resolve; });
        const logger = { info() {}, warn() {}, error: () => fail() };`;
      const probe = await code.start(script.replace('const log =', `${logging} const log =`), [join(dir, 'journal')]);
      expect(JSON.parse(await finished(probe))).toEqual({ before: 20, read: 20, after: 20 });
      const limited = spawn('sh', ['-c', 'ulimit -f 8; exec "$0" "$@"', process.execPath, ...probe.spawnargs.slice(1)]);
      const { before, read, after } = JSON.parse(await finished(limited)) as { before: number; read: number; after: number };
      expect(before).toBeLessThan(20);
      expect({ read, after }).toEqual({ read: 20, after: 20 });
    });
  });
});
