import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadSecrets, notePasswordShown } from './secrets.js';

const nothing = { adminPassword: '', adminSecretKey: '', userSessionSecret: '', tokenEncryptKey: '' };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kirogate-secrets-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a generated password is to be shown until somebody was, and never again', async () => {
  const first = await loadSecrets(folder, nothing);
  expect(first.generatedPassword).toBe(first.secrets.adminPassword);
  // Whoever made it was killed before it could be read.
  expect(await loadSecrets(folder, nothing)).toEqual(first);
  await notePasswordShown(folder);
  expect(await loadSecrets(folder, nothing)).toEqual({ ...first, generatedPassword: null });
  expect(await readFile(join(folder, 'secrets.json'), 'utf8')).not.toContain('Shown');
  expect((await stat(join(folder, 'secrets.json'))).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['secrets.json']);
});

test('a password that the environment gives is never shown', async () => {
  const { generatedPassword, secrets } = await loadSecrets(folder, { ...nothing, adminPassword: 'given' });
  expect([generatedPassword, secrets.adminPassword]).toEqual([null, 'given']);
});
