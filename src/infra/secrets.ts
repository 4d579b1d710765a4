/** Secrets of a single node that the environment does not give: generated once into the data folder, mode 0600. */
import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ensureFolder } from './folder.js';

const fileSchema = z.object({
  adminPassword: z.string().min(1),
  adminSecretKey: z.string().min(16),
  userSessionSecret: z.string().min(16),
  tokenEncryptKey: z.string().min(16),
  addressSalt: z.string().min(16),
  /** There only until somebody was shown the password. */
  adminPasswordShown: z.literal(false).optional(),
});

export type Secrets = z.output<typeof fileSchema>;

export interface GivenSecrets {
  readonly adminPassword: string;
  readonly adminSecretKey: string;
  readonly userSessionSecret: string;
  readonly tokenEncryptKey: string;
}

/**
 * What the environment gives wins; the rest comes from `<dataDir>/secrets.json`, which is made at the first
 * start. `generatedPassword` is set until `notePasswordShown`: who made it may have been killed before anybody saw it.
 * Throws when the file is not readable or not ours.
 */
export async function loadSecrets(dataDir: string, given: GivenSecrets): Promise<{ secrets: Secrets; generatedPassword: string | null }> {
  await ensureFolder(dataDir, 0o700);
  const path = join(dataDir, 'secrets.json');
  const stored = await storedSecrets(dataDir);
  const file = stored ?? generate();
  if (!stored) await write(path, file);
  const secrets: Secrets = {
    adminPassword: given.adminPassword || file.adminPassword,
    adminSecretKey: given.adminSecretKey || file.adminSecretKey,
    userSessionSecret: given.userSessionSecret || file.userSessionSecret,
    tokenEncryptKey: given.tokenEncryptKey || file.tokenEncryptKey,
    addressSalt: file.addressSalt,
  };
  const isNew = file.adminPasswordShown === false && given.adminPassword === '';
  return { secrets, generatedPassword: isNew ? file.adminPassword : null };
}

/** The generated password was shown: it is never shown again. */
export async function notePasswordShown(dataDir: string): Promise<void> {
  const stored = await storedSecrets(dataDir);
  if (stored?.adminPasswordShown !== false) return;
  const { adminPasswordShown: _, ...rest } = stored;
  await write(join(dataDir, 'secrets.json'), rest);
}

/** What an earlier start generated; undefined: nothing yet. Throws when the file is not readable or not ours. */
export async function storedSecrets(dataDir: string): Promise<Secrets | undefined> {
  const path = join(dataDir, 'secrets.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = fileSchema.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new Error(`${path} does not hold KiroGate's secrets; restore it from a backup: stored credentials cannot be opened without it`);
  return parsed.data;
}

const random = (bytes: number): string => randomBytes(bytes).toString('base64url');

function generate(): Secrets {
  return {
    adminPassword: random(15),
    adminSecretKey: random(32),
    userSessionSecret: random(32),
    tokenEncryptKey: random(32),
    addressSalt: random(32),
    adminPasswordShown: false,
  };
}

/** A crash leaves the whole file or none: what it encrypts would be lost with half of it. */
async function write(path: string, secrets: Secrets): Promise<void> {
  const partial = `${path}.${process.pid}`;
  const file = await open(partial, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(secrets, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
