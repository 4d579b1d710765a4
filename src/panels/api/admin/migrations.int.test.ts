/** Uploads of an old database: bounded, answered also when they are refused, and nothing of them stays behind. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createImportService, type ImportService } from '../../../commands/migration/service.js';
import { createVault } from '../../../infra/vault.js';
import { defaultSettings } from '../../../shared/settings.js';
import { parseKiroCredential } from '../../../upstreams/kiro/credentials.js';
import { adminApiKey, openTestPanel, type TestPanel } from '../testing/panel.js';

const most = 100_000;
let panel: TestPanel;
let imports: ImportService;
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'kirogate-uploads-'));
  panel = await openTestPanel({
    imports(parts) {
      imports = createImportService({
        ...parts,
        nodeId: 'n1',
        vault: createVault({ key: 'a key for tests only, long enough' }),
        defaults: defaultSettings,
        parseCredential: (input) => parseKiroCredential(input, 'us-east-1'),
        dataDir,
        importDir: '',
        ownKeys: [],
        maxUploadBytes: most,
      });
      return imports;
    },
  });
});
afterAll(async () => {
  await panel.close();
  await imports.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function upload(bytes: number, chunked = false): Promise<{ status: number; error: Record<string, unknown> | undefined }> {
  const whole = Buffer.alloc(bytes, 7);
  const response = await fetch(`${panel.base}/admin/api/migrations/sqlite`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminApiKey}`, 'content-type': 'application/octet-stream' },
    ...(chunked ? { body: new Blob([whole]).stream(), duplex: 'half' } : { body: whole }),
  });
  return { status: response.status, error: ((await response.json()) as { error?: Record<string, unknown> }).error };
}

it.each([
  ['just over the bound', most + 1, false],
  ['far over it, so that the client still sends when the answer comes', 40_000_000, false],
  ['far over it without saying how long it is', 40_000_000, true],
])('an upload %s is told so, and leaves no file', async (_, bytes, chunked) => {
  expect(await upload(bytes, chunked)).toEqual({
    status: 413,
    error: { code: 'payload_too_large', message: `The file is larger than ${most} bytes.`, type: 'invalid_request_error', param: null },
  });
  expect(await readdir(join(dataDir, 'uploads'))).toEqual([]);
});

it('one up to the bound is taken, also after one that was refused, and what is no database is told by the run', async () => {
  expect((await upload(most + 1)).status).toBe(413);
  expect((await upload(most)).status).toBe(202);
  await imports.close();
  expect(await readdir(join(dataDir, 'uploads'))).toEqual([]);
});
