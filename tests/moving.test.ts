/** Moving in, from outside: an old KiroGate by command line and panel, a backup and its return, each on the built product. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  fernetSeal,
  OLD_KEY,
  oldApiKey,
  oldInstallation,
  oldRefreshToken,
  sha256,
  tokenCells,
  tokenColumns,
  userCells,
  userColumns,
  type WrittenOld,
  writeOld,
} from '../src/commands/migration/testing/oldDatabase.js';
import { freshPostgresDatabase } from '../src/infra/database/testing/shared.js';
import { adminClient } from './support/admin.js';
import { runCli, startCli, startNode } from './support/process.js';
import { ADMIN_API_KEY, nodeEnvironment, type Service, startService } from './support/service.js';
import { ask } from './support/traffic.js';
import { until } from './support/until.js';

interface Run {
  readonly id: string;
  readonly status: string;
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rowsDone: number;
  readonly rowsTotal: number;
  readonly error?: { readonly table: string | null; readonly reason: string };
  readonly report?: {
    readonly tables: readonly { table: string; imported: number; matched: number }[];
    readonly warnings: readonly string[];
  };
}

const finished = ({ admin }: Pick<Service, 'admin'>, id: string): Promise<Run> =>
  until('the end of the import', async () => {
    const run = await admin.get<Run>(`/admin/api/migrations/${id}`);
    return run.status === 'running' ? undefined : run;
  });

describe('an old KiroGate through the panel', () => {
  let service: Service;
  let old: WrittenOld;

  beforeAll(async () => {
    service = await startService();
    // The credential of the old installation is one that the upstream knows.
    const { refreshToken } = service.sim.addCredential({ kind: 'social' });
    const cells = tokenCells(1, 1, { name: 'live' });
    cells[2] = fernetSeal(refreshToken);
    cells[3] = sha256(refreshToken);
    const tokens = { columns: tokenColumns, rows: [cells] };
    old = await writeOld({ tables: { ...oldInstallation(), tokens }, wal: false });
  });
  afterAll(async () => {
    await service.stop();
    await rm(old.dir, { recursive: true, force: true });
  });

  test('comes in as an upload, and an old key sends a request at once', async () => {
    const { url, admin } = service;
    const response = await fetch(`${url}/admin/api/migrations/sqlite`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ADMIN_API_KEY}`,
        'content-type': 'application/octet-stream',
        'x-old-encrypt-key': `UTF-8''${encodeURIComponent(OLD_KEY)}`,
      },
      body: await readFile(old.main),
    });
    expect(response.status).toBe(202);
    const run = await finished(service, ((await response.json()) as Run).id);
    expect(run).toMatchObject({ status: 'completed' });
    expect(run.rowsDone).toBe(run.rowsTotal);
    expect(run.tablesDone).toBe(run.tablesTotal);
    const answer = await ask(url, oldApiKey('ada'), 'hello');
    expect(answer.status, await answer.clone().text()).toBe(200);
    expect((await ask(url, oldApiKey('bob'), 'hello')).status, 'a key that was revoked there').toBe(401);
    expect(await admin.all('/admin/api/audit?type=kirogate.migration.completed')).toHaveLength(1);
    expect(await readdir(join(service.dataDir, 'uploads')), 'the upload is gone').toEqual([]);
  });

  const upload = async (body: Buffer | string, query: string = ''): Promise<Run> => {
    const response = await fetch(`${service.url}/admin/api/migrations/sqlite${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_API_KEY}`, 'content-type': 'application/octet-stream', 'x-old-encrypt-key': OLD_KEY },
      body,
    });
    expect(response.status).toBe(202);
    return finished(service, ((await response.json()) as Run).id);
  };

  test('looked at first, all of it counts as done at the end', async () => {
    const copy = join(service.dataDir, 'old.db');
    await copyFile(old.main, copy);
    const { id } = await service.admin.post<Run>('/admin/api/migrations/sqlite', { path: copy, tokenEncryptKey: OLD_KEY, dryRun: true });
    const run = await finished(service, id);
    expect(run).toMatchObject({ status: 'completed', report: { dryRun: true } });
    expect(run.rowsTotal).toBeGreaterThan(0);
    expect([run.tablesDone, run.rowsDone]).toEqual([run.tablesTotal, run.rowsTotal]);
  });

  test('what is wrong with an upload is told without where it lay on the server', async () => {
    const run = await upload('nonsense');
    expect(run).toMatchObject({ status: 'failed', error: { reason: 'the uploaded file is not an SQLite database' } });
    expect(JSON.stringify(run)).not.toContain(service.dataDir);
    expect(JSON.stringify(await service.admin.all('/admin/api/audit?type=kirogate.migration.failed'))).not.toContain('uploads');
    // As a copy without its write-ahead log is.
    const bytes = await readFile(old.main);
    bytes[18] = bytes[19] = 2;
    const warned = await upload(bytes);
    expect(warned.report?.warnings.join()).toContain('the uploaded file');
    expect(JSON.stringify(warned)).not.toContain(service.dataDir);
  });

  test('an old password signs in', async () => {
    const response = await fetch(`${service.url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'ada@example.com', password: 'the password of ada' }),
    });
    expect(response.status).toBe(200);
  });

  test('the database of the node itself is never opened a second time', async () => {
    const { admin, dataDir } = service;
    const path = join(dataDir, 'kirogate.db');
    for (const body of [{ path }, { path: join(dataDir, 'node.lock') }])
      await expect(admin.post('/admin/api/migrations/sqlite', body)).rejects.toThrow('400');
  });

  test('a file outside the allowed folders is refused, and one that is no database fails by name', async () => {
    const { admin, dataDir } = service;
    await expect(admin.post('/admin/api/migrations/sqlite', { path: '/etc/passwd' })).rejects.toThrow('400');
    await writeFile(join(dataDir, 'nonsense.db'), 'nonsense');
    const { id } = await admin.post<Run>('/admin/api/migrations/sqlite', { path: join(dataDir, 'nonsense.db') });
    const run = await finished(service, id);
    expect(run).toMatchObject({ status: 'failed', error: { table: null } });
    expect(run.error?.reason).toContain('is not an SQLite database');
    await expect(admin.get('/admin/api/migrations/nowhere')).rejects.toThrow('404');
  });
});

describe('the command line', () => {
  let folder: string;
  let old: WrittenOld;
  const envOf = (name: string) => ({ DATA_DIR: join(folder, name), OLD_TOKEN_ENCRYPT_KEY: OLD_KEY });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kirogate-moving-'));
    old = await writeOld();
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await rm(old.dir, { recursive: true, force: true });
  });
  const jsonOf = (output: string): Run & Record<string, unknown> =>
    JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1)) as Run & Record<string, unknown>;

  test('imports into a new installation, and a second run changes nothing', async () => {
    const dry = await runCli(['import', old.main, '--dry-run', '--json'], envOf('a'));
    expect(dry.code, dry.output).toBe(0);
    await expect(stat(join(folder, 'a')), 'a dry run makes nothing').rejects.toThrow('ENOENT');
    const first = await runCli(['import', old.main, '--json'], envOf('a'));
    expect(first.code, first.output).toBe(0);
    expect(first.output).toContain('Admin password, generated');
    expect(first.output).not.toContain(oldRefreshToken('social'));
    expect(jsonOf(first.output).report ?? jsonOf(first.output)).toMatchObject({ status: 'completed' });
    const second = await runCli(['import', old.main], envOf('a'));
    expect(second.output).toMatch(/users +4 +0 +4 +0/);
    expect(second.output).not.toContain('\u001b');
  });

  test('leaves nothing where it was given nothing usable', async () => {
    const file = join(folder, 'nonsense.db');
    await writeFile(file, 'nonsense');
    const bad = await runCli(['import', file], envOf('b'));
    expect(bad).toMatchObject({ code: 1, output: expect.stringContaining('is not an SQLite database') as string });
    const wrong = await runCli(['import', old.main, '--json'], { DATA_DIR: join(folder, 'b'), OLD_TOKEN_ENCRYPT_KEY: 'wrong' });
    expect(wrong.code).toBe(1);
    expect(jsonOf(wrong.output)).toMatchObject({ status: 'failed', error: { table: 'tokens' } });
    expect(wrong.output, 'a password of an installation that is not there').not.toContain('Admin password');
    await expect(stat(join(folder, 'b'))).rejects.toThrow('ENOENT');
  });

  test('told to end within an import into a new installation, leaves nothing', async () => {
    const users = { columns: userColumns, rows: Array.from({ length: 6_000 }, (_, index) => userCells(index + 1, `user ${index}`)) };
    const large = await writeOld({ tables: { ...oldInstallation(), users } });
    const env = envOf('ended');
    const { child, ended } = startCli(['import', large.main], env);
    await until('its secrets', () => existsSync(join(env.DATA_DIR, 'secrets.json')) || undefined);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(143);
    await expect(stat(env.DATA_DIR)).rejects.toThrow('ENOENT');
    await rm(large.dir, { recursive: true, force: true });
  });

  test('an unwritable target is named', async () => {
    const { code, output } = await runCli(['import', old.main], { DATA_DIR: '/proc/nowhere', OLD_TOKEN_ENCRYPT_KEY: OLD_KEY });
    expect(code).toBe(1);
    expect(output).toContain('/proc/nowhere');
  });

  test('backup, destroy, restore: checksums are equal, and the node goes on', async () => {
    const env = envOf('a');
    const backup = join(folder, 'backup.kirogate');
    const written = await runCli(['backup', backup, '--json'], env);
    expect(written.code, written.output).toBe(0);
    const secrets = await readFile(join(folder, 'a', 'secrets.json'));
    await rm(join(folder, 'a'), { recursive: true });
    const keyless = await runCli(['restore', backup], env);
    expect(keyless).toMatchObject({ code: 1, output: expect.stringContaining('there is no TOKEN_ENCRYPT_KEY') as string });
    await expect(stat(join(folder, 'a'))).rejects.toThrow('ENOENT');
    await mkdir(join(folder, 'a'), { mode: 0o700 });
    await writeFile(join(folder, 'a', 'secrets.json'), secrets, { mode: 0o600 });
    const restored = await runCli(['restore', backup, '--json'], env);
    expect(restored.code, restored.output).toBe(0);
    expect(jsonOf(restored.output)['tables']).toEqual(jsonOf(written.output)['tables']);
    expect(jsonOf(restored.output)['heads']).toEqual(jsonOf(written.output)['heads']);
    const verified = await runCli(['projections', 'verify', '--json'], env);
    expect(verified.code, verified.output).toBe(0);
    const again = await runCli(['restore', backup], env);
    expect(again).toMatchObject({ code: 1, output: expect.stringContaining('the target is not empty') as string });
    const node = await startNode(nodeEnvironment({ dataDir: join(folder, 'a'), simulatorUrl: 'http://127.0.0.1:9' }));
    expect(await node.kill('SIGTERM')).toBe(0);
  });

  test('a backup needs no room beside the database, and a start that does is told what the system refused', async () => {
    const env = envOf('a');
    const before = await readdir(join(folder, 'a'));
    // No file may grow beyond 31 KiB, and the index of a write-ahead log is one of 32: as good as a disk with only so much room.
    const cramped = (args: string): { code: number | null; output: string } => {
      const script = `ulimit -f 62; exec "$NODE" dist/cli/index.js ${args} 2>&1`;
      const { status, stdout } = spawnSync('sh', ['-c', script], { env: { ...env, NODE: process.execPath }, encoding: 'utf8' });
      return { code: status, output: stdout };
    };
    const written = cramped(`backup ${join(folder, 'cramped.kirogate')}`);
    expect(written.code, written.output).toBe(0);
    expect(await readdir(join(folder, 'a'))).toEqual(before);
    const refused = cramped('migrate');
    expect(refused).toMatchObject({
      code: 1,
      output: expect.stringMatching(/disk I\/O error: .*takes no new file of \d+ bytes \(EFBIG\)/) as string,
    });
    expect(await readdir(join(folder, 'a'))).toEqual(before);
  });

  test('a single node moves into an empty PostgreSQL, once, and only after it stopped in order', async () => {
    const dataDir = join(folder, 'single');
    const single = { ...nodeEnvironment({ dataDir, simulatorUrl: 'http://127.0.0.1:9' }), EVENT_PARTITIONS: '2' };
    const node = await startNode(single);
    await adminClient(node.url, ADMIN_API_KEY).member('ada');
    const { tokenEncryptKey } = JSON.parse(await readFile(join(dataDir, 'secrets.json'), 'utf8')) as { tokenEncryptKey: string };
    const target = { DATABASE_URL: await freshPostgresDatabase(), EVENT_PARTITIONS: '2', TOKEN_ENCRYPT_KEY: tokenEncryptKey };
    const file = join(dataDir, 'kirogate.db');
    const early = await runCli(['import', file], target);
    expect(early).toMatchObject({ code: 1, output: expect.stringContaining('another KiroGate node runs on') as string });
    expect(await node.kill('SIGTERM')).toBe(0);
    const moved = await runCli(['import', file, '--json'], target);
    expect(moved.code, moved.output).toBe(0);
    const verified = await runCli(['projections', 'verify', '--json'], target);
    expect(verified.code, verified.output).toBe(0);
    const again = await runCli(['import', file], target);
    expect(again).toMatchObject({ code: 1, output: expect.stringContaining('the target is not empty') as string });
  });
});
