/** The disk of the target fills while an installation comes in: it is named, and the target stays as it was. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { verifyArchive } from '../../events/archive.js';
import { DatabaseError } from '../../infra/database/errors.js';
import { type Database, sql } from '../../infra/database/port.js';
import { openTestDatabase, type TestDatabase } from '../../infra/database/testing/engines.js';
import { createVault } from '../../infra/vault.js';
import { systemClock } from '../../shared/clock.js';
import { createIds } from '../../shared/ids.js';
import { defaultSettings } from '../../shared/settings.js';
import { parseKiroCredential } from '../../upstreams/kiro/credentials.js';
import { openArchiveFile, writeArchiveFile } from '../installation/archiveFile.js';
import { openDump } from '../installation/dump.js';
import { loadInstallation } from '../installation/load.js';
import { fillInstallation } from '../installation/testing/filled.js';
import { importOld } from './importOld.js';
import { readOld } from './old/read.js';
import { openSource } from './source.js';
import { OLD_KEY, oldInstallation, userCells, userColumns, writeOld } from './testing/oldDatabase.js';

const vault = createVault({ key: 'the key of the installation' });
let stores: TestDatabase[];
let folders: string[];
let target: Database;

beforeEach(async () => {
  stores = [];
  folders = [];
  target = await open();
});
afterEach(async () => {
  for (const store of stores) await store.end();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** Only SQLite can be told how large it may become. */
async function open(): Promise<Database> {
  const store = await openTestDatabase('sqlite', { partitions: 2 });
  stores.push(store);
  return store.db;
}

/** From here on the target has room for so many pages more. */
async function leaveRoom(pages: number): Promise<void> {
  await target.tx(async (tx) => {
    const [now] = await tx.query<{ page_count: number }>(sql`pragma page_count`);
    await tx.query(sql`pragma max_page_count = ${sql.__dangerous__rawValue(String((now?.page_count ?? 0) + pages))}`);
  });
}

/** But for what it was told of the failure. */
async function expectUntouched(told: readonly string[]): Promise<void> {
  const events = await target.query<{ type: string }>(sql`select type from archive`);
  expect(events.map(({ type }) => type)).toEqual(told);
  for (const table of ['users', 'tokens', 'vault_passwords', 'vault_credentials', 'vault_identities', 'imported_rows'])
    expect(await target.query(sql`select 1 as one from ${sql.ident(table)}`)).toEqual([]);
  expect((await verifyArchive(target)).every(({ ok }) => ok)).toBe(true);
}

async function takeIn(db: Pick<Database, 'tx' | 'snapshot'>): Promise<unknown> {
  const users = { columns: userColumns, rows: Array.from({ length: 2_000 }, (_, index) => userCells(index + 1, `user ${index}`)) };
  const { main, dir } = await writeOld({ tables: { ...oldInstallation(), users } });
  folders.push(dir);
  const source = await openSource(main);
  const ids = createIds(systemClock);
  const deps = {
    db,
    vault,
    ids,
    clock: systemClock,
    nodeId: 'n1',
    defaults: defaultSettings,
    parseCredential: (input: Readonly<Record<string, unknown>>) => parseKiroCredential(input, 'us-east-1'),
  };
  const options = { id: ids.short(), origin: 'path', actor: 'system', dryRun: false, keys: [OLD_KEY] } as const;
  try {
    return await importOld(() => readOld(source.main, source.metrics), deps, options);
  } finally {
    await source.close();
  }
}

test('an import names the full disk and its table, and leaves nothing', async () => {
  await leaveRoom(0);
  const reason = expect.stringMatching(/disk is full; free some disk space/) as string;
  await expect(takeIn(target)).rejects.toMatchObject({ table: 'users', reason });
  // That one line still had room.
  await expectUntouched(['kirogate.migration.failed']);
});

test('an import names the table whose rows it was noting, not its own account of them', async () => {
  await target.query(sql`create trigger full_of_notes before insert on imported_rows begin select raise(abort, 'the disk is full'); end`);
  await expect(takeIn(target)).rejects.toMatchObject({ table: 'users', reason: expect.stringContaining('the disk is full') as string });
  await expectUntouched(['kirogate.migration.failed']);
});

test('an import that finds the disk full only at its end names the table that most rows went to', async () => {
  const full = new DatabaseError('unavailable', 'the disk is full');
  const tx: Database['tx'] = (work) =>
    target.tx(async (inside) => {
      await work(inside);
      throw full;
    });
  await expect(takeIn({ tx, snapshot: target.snapshot.bind(target) })).rejects.toMatchObject({ table: 'users', reason: full.message });
  await expectUntouched([]);
});

test('a restore names the full disk and its table, and leaves nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kirogate-full-'));
  folders.push(folder);
  const file = join(folder, 'backup.kirogate');
  const filled = await open();
  await fillInstallation(filled, vault, { partitions: 2, requests: 1_200 });
  await filled.snapshot(async (tx) => writeArchiveFile(await openDump(tx), { path: file, product: '1.2.3', now: systemClock.now() }));
  const source = await openArchiveFile(file);
  await leaveRoom(20);
  await expect(loadInstallation(source, { db: target, vault })).rejects.toMatchObject({
    table: 'archive',
    reason: expect.stringMatching(/disk is full; free some disk space/),
  });
  await source.close();
  await expectUntouched([]);
});
