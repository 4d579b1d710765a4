/** An installation is carried over: into a backup file and back, and from one engine to the other, whole or not at all. */
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { partitionHeads, verifyArchive } from '../../events/archive.js';
import { type Database, type Engine, sql } from '../../infra/database/port.js';
import { engines, openTestDatabase, suiteEngine, type TestDatabase } from '../../infra/database/testing/engines.js';
import { createVault, type Vault } from '../../infra/vault.js';
import { verifyProjections } from '../../projections/runner/verify.js';
import { systemClock } from '../../shared/clock.js';
import { readCredential } from '../token/credentials.js';
import { openArchiveFile, writeArchiveFile } from './archiveFile.js';
import { openDump } from './dump.js';
import { loadInstallation } from './load.js';
import { fillInstallation } from './testing/filled.js';

const vault = createVault({ key: 'the key of the installation' });

describe('an installation', () => {
  let folder: string;
  let file: string;
  let stores: TestDatabase[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kirogate-carry-'));
    file = join(folder, 'backup.kirogate');
    stores = [];
  });
  afterEach(async () => {
    for (const store of stores) await store.end();
    await rm(folder, { recursive: true, force: true });
  });

  async function store(engine: Engine = suiteEngine(), partitions = 2): Promise<Database> {
    const opened = await openTestDatabase(engine, { partitions });
    stores.push(opened);
    return opened.db;
  }
  async function filled(engine?: Engine, requests = 40): Promise<Database> {
    const db = await store(engine);
    await fillInstallation(db, vault, { partitions: 2, requests });
    return db;
  }
  const backup = (db: Database, sink?: () => Writable) =>
    db.snapshot(async (tx) =>
      writeArchiveFile(await openDump(tx), { path: file, product: '1.2.3', now: systemClock.now(), ...(sink && { sink }) }),
    );
  async function restore(db: Database, keys: Vault | null = vault) {
    const source = await openArchiveFile(file);
    try {
      return await loadInstallation(source, { db, vault: keys });
    } finally {
      await source.close();
    }
  }
  const refused = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'accepted',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  const emptyNow = async (db: Database): Promise<void> => {
    expect([...(await partitionHeads(db)).values()].map(({ position }) => position)).toEqual([0, 0, 0]);
    for (const table of ['users', 'vault_credentials', 'archive'])
      expect(await db.query(sql`select 1 as one from ${sql.ident(table)}`)).toEqual([]);
  };

  test.each(engines)('comes back from a backup of %s with the same checksums, heads and secrets, and proves itself', async (engine) => {
    const source = await filled(engine, 1_200);
    const sums = await backup(source);
    const target = await store();
    const loaded = await restore(target);
    expect(loaded.tables).toEqual(sums);
    expect(loaded.heads).toEqual(Object.fromEntries(await partitionHeads(source)));
    expect(sums['archive']?.rows).toBeGreaterThan(1_200);
    const verdict = await verifyProjections({ db: target, clock: systemClock });
    expect(verdict.projections.filter(({ equal }) => !equal)).toEqual([]);
    expect(verdict.ok).toBe(true);
    const [token] = await target.query<{ id: string }>(sql`select id from tokens order by created_at limit 1`);
    expect(await readCredential(target, vault, token?.id ?? '')).toMatchObject({ authType: 'social' });
  });

  test.each(engines)('moves from %s without a file between, and goes on from its positions', async (engine) => {
    const source = await filled(engine);
    const target = await store();
    await source.snapshot(async (tx) => loadInstallation(await openDump(tx), { db: target, vault }));
    expect(await partitionHeads(target)).toEqual(await partitionHeads(source));
    expect(await target.query(sql`select cidr, reason from ip_bans`)).toEqual(await source.query(sql`select cidr, reason from ip_bans`));
    expect((await verifyArchive(target)).every(({ ok }) => ok)).toBe(true);
  });

  test('a backup is private to its owner and holds no secret in clear', async () => {
    await backup(await filled());
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['backup.kirogate']);
    const { gunzipSync } = await import('node:zlib');
    const text = gunzipSync(await readFile(file)).toString('utf8');
    expect(text).toContain('ada@example.com');
    expect(text).not.toContain('refresh token of one');
    expect(text).not.toContain('long enough');
  });

  describe('is refused, and leaves the target empty,', () => {
    test('with another encryption key, or none', async () => {
      await backup(await filled());
      const target = await store();
      const other = createVault({ key: 'another key altogether' });
      expect(await refused(restore(target, other))).toContain('is not the key of the source');
      expect(await refused(restore(target, null))).toContain('there is no TOKEN_ENCRYPT_KEY');
      await emptyNow(target);
    });

    test('where there is something already', async () => {
      await backup(await filled());
      const target = await filled();
      const before = await partitionHeads(target);
      expect(await refused(restore(target))).toContain('the target is not empty');
      expect(await partitionHeads(target)).toEqual(before);
    });

    test('where partitions differ in number', async () => {
      await backup(await filled());
      expect(await refused(restore(await store(suiteEngine(), 4)))).toContain('EVENT_PARTITIONS=2');
    });

    test('when the file is cut off', async () => {
      await backup(await filled());
      await truncate(file, Math.floor((await stat(file)).size / 2));
      const target = await store();
      expect(await refused(restore(target))).toContain('is cut off');
      await emptyNow(target);
    });

    test('when a byte of the file was changed', async () => {
      await backup(await filled(undefined, 2_000));
      const bytes = await readFile(file);
      const middle = Math.floor(bytes.length / 2);
      bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
      await writeFile(file, bytes);
      const target = await store();
      expect(await refused(restore(target))).toMatch(/is damaged|hash chain|cut off/);
      await emptyNow(target);
    });

    test('when the file is something else', async () => {
      await writeFile(file, 'not a backup');
      expect(await refused(restore(await store()))).toContain('is no backup of KiroGate');
    });

    test('when the hash chain was tampered with before the backup', async () => {
      const source = await filled();
      await source.query(sql`update archive set actor = 'somebody' where partition = 'control' and position = 2`);
      await backup(source);
      const target = await store();
      expect(await refused(restore(target))).toContain('table archive: the hash chain of control breaks at position 2');
      await emptyNow(target);
    });
  });

  test('a full disk while a backup is written is named, and no file is left', async () => {
    const source = await filled(undefined, 500);
    const full = (): Writable =>
      new Writable({
        write: (_chunk, _encoding, done) => done(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })),
      });
    expect(await refused(backup(source, full))).toContain('no space left on device');
    expect(await readdir(folder)).toEqual([]);
  });

  test("what a killed backup left is in nobody's way, and goes; that of one that runs stays", async () => {
    const source = await filled();
    const here = `${file}.${hostname().replace(/[^A-Za-z0-9]+/g, '_')}`;
    const [dead, living, elsewhere, silent] = [
      `${here}-4194399.partial`,
      `${here}-${process.ppid}.partial`,
      `${file}.pod-7.partial`,
      `${file}.partial`,
    ];
    for (const left of [dead, living, elsewhere, silent]) await writeFile(left, 'half of a backup');
    const hoursAgo = systemClock.now() / 1_000 - 7_200;
    await utimes(silent, hoursAgo, hoursAgo);
    await backup(source);
    expect((await readdir(folder)).sort()).toEqual([file, living, elsewhere].map((path) => basename(path)).sort());
    expect((await stat(file)).nlink).toBe(1);
  });

  test('a backup that is told to end takes back what it has written, and is not there half', async () => {
    const source = await filled();
    let undo = (): void => undefined;
    let seen: string[] = [];
    const written = source.snapshot(async (tx) =>
      writeArchiveFile(await openDump(tx), {
        path: file,
        product: '1.2.3',
        now: systemClock.now(),
        guard(take) {
          undo = take;
          return () => undefined;
        },
        onProgress() {
          if (seen.length > 0) return;
          seen = readdirSync(folder);
          undo();
        },
      }),
    );
    expect(await refused(written)).toContain('cannot be written');
    expect(seen).toEqual([expect.stringMatching(/^backup\.kirogate\..+\.partial$/)]);
    expect(await readdir(folder)).toEqual([]);
  });

  test('a backup never overwrites another, nor one that came while it was written', async () => {
    const other = await filled();
    const written = other.snapshot(async (tx) =>
      writeArchiveFile(await openDump(tx), {
        path: file,
        product: '1.2.3',
        now: systemClock.now(),
        onProgress: () => writeFileSync(file, 'came between'),
      }),
    );
    expect(await refused(written)).toContain('exists already');
    expect(await readdir(folder)).toEqual([basename(file)]);
    await rm(file);
    await writeFile(file, 'kept');
    expect(await refused(backup(other))).toContain('exists already');
    expect(await readFile(file, 'utf8')).toBe('kept');
  });
});
