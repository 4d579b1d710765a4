#!/usr/bin/env node
/** The operator's command line; in a clone it builds itself first, in an image `dist` is there. */
import { existsSync } from 'node:fs';

if (existsSync(new URL('../scripts/prepare.js', import.meta.url))) {
  const { ensureBuilt, ensureInstalled } = await import('../scripts/prepare.js');
  ensureInstalled();
  ensureBuilt();
}
await import('../dist/cli/index.js');
