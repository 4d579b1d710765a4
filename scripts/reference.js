/** Writes docs/reference, .env.example and the settings in the compose files from the registries. With --check it only compares, and fails on a difference. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { envExample, withComposeSettings } from './environment.js';
import { ensureBuilt, ensureInstalled, root } from './prepare.js';

ensureInstalled();
ensureBuilt();
const { errorCatalogue } = await import('../dist/errors.js');
const { eventTypes } = await import('../dist/events/index.js');
const { variables } = await import('../dist/config.js');
const { settingInfo } = await import('../dist/shared/settings.js');

const cell = (value) => String(value).replaceAll('|', '\\|').replaceAll('\n', ' ');
const table = (head, rows) =>
  [`| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`)].join(
    '\n',
  );

const pages = {
  'errors.md': `# Errors

The code stands in \`error.code\` of every error body, in both APIs' shapes. Generated from \`src/errors.ts\`.

${table(
  ['code', 'status', 'text'],
  Object.entries(errorCatalogue).map(([code, { status, text }]) => [`\`${code}\``, status, text]),
)}
`,
  'events.md': `# Events

Every type with its version and an example of its data. The full schemas are in \`/asyncapi.json\`. Generated from \`src/events\`.

${[...eventTypes]
  .sort((a, b) => (a.type < b.type ? -1 : 1))
  .map(
    (one) =>
      `## ${one.type}\n\n${one.summary} Version ${one.version}, ${one.origin}, subject \`${one.aggregate}/…\`.\n\n\`\`\`json\n${JSON.stringify(one.example, null, 2)}\n\`\`\`\n`,
  )
  .join('\n')}`,
  'settings.md': `# Settings

## Environment

Read once at start; every fault is listed at once (exit code 78). Generated from \`src/config.ts\`.

${table(
  ['variable', 'meaning', 'range'],
  Object.entries(variables).map(([name, one]) => [`\`${name}\``, one.meaning, one.range]),
)}

## Live settings

Changed by an admin (\`PUT /admin/api/config\`); a stored value wins over the environment, \`null\` returns to it. Generated from \`src/shared/settings.ts\`.

${table(
  ['setting', 'meaning', 'unit'],
  Object.entries(settingInfo).map(([name, one]) => [`\`${name}\``, one.meaning, one.unit]),
)}
`,
};

const folder = join('docs', 'reference');
const files = Object.entries(pages).map(([name, text]) => [join(folder, name), text]);
files.push(['.env.example', envExample(variables)]);
for (const name of ['docker-compose.yml', 'docker-compose.distributed.yml'])
  files.push([name, withComposeSettings(readFileSync(join(root, name), 'utf8'), variables)]);

const checking = process.argv.includes('--check');
let stale = 0;
mkdirSync(join(root, folder), { recursive: true });
for (const [name, text] of files) {
  const path = join(root, name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  if (checking) {
    stale += 1;
    console.error(`${name} is not what the registries say; run: node scripts/reference.js`);
  } else writeFileSync(path, text);
}
process.exit(stale === 0 ? 0 : 1);
