/** Facts of the installed package. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

export const version: string = (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;

/** Folder of the numbered migrations, beside `src` and `dist`. */
export const migrationsDir: string = join(packageRoot, 'migrations');

/** Folder of the built panels. */
export const webDir: string = join(packageRoot, 'dist', 'web');
