/** What the table of settings in src/config.ts makes beside the reference pages: .env.example and the settings that compose hands on. */

/** What the compose files read besides the settings of a node. */
const ofCompose = [
  ['PORT', 'where the service answers on this machine', '8000'],
  ['KIROGATE_REPLICAS', 'nodes that docker-compose.distributed.yml starts', '3'],
  ['POSTGRES_PASSWORD', "PostgreSQL's password: letters, digits, - and _, since it stands in an address", ''],
  ['POSTGRES_PASSWORD_FILE', 'the same from a file below SECRETS_DIR, as /run/secrets/<name>; then DATABASE_URL_FILE too', ''],
  ['REDIS_PASSWORD', "Redis' password: letters, digits, - and _", ''],
  ['REDIS_PASSWORD_FILE', 'the same from a file below SECRETS_DIR, as /run/secrets/<name>; then REDIS_URL_FILE too', ''],
  ['REDIS_MAXMEMORY', "Redis' memory; a quarter of it may hold events that are not archived yet", '512mb'],
  ['SECRETS_DIR', 'folder that containers see as /run/secrets', './secrets'],
  [
    'KIROGATE_SUBNET',
    'first three numbers of the private network between nginx and the nodes (a /24, nginx at .2); change them where they are taken',
    '172.31.250',
  ],
];

const line = (name, value) => `#${name}=${value}`;

/** The text of .env.example. `variables`: of src/config.ts. */
export function envExample(variables) {
  const secrets = Object.entries(variables).filter(([, one]) => one.secret);
  const others = Object.entries(variables).filter(([name, one]) => !one.secret && name !== 'PORT');
  const entry = ([name, one]) => `# ${one.meaning} (${one.range})\n${line(name, defaultOf(one))}`;
  // The head of the section tells the rest of what a secret may be.
  const secretEntry = ([name, one]) =>
    `# ${one.meaning}${one.range.startsWith('text') ? '' : ` (${one.range.split(';')[0]})`}\n${line(name, '')}`;
  return `# Copy to .env and take the # off what you change. Generated from src/config.ts by scripts/reference.js.
# Several nodes need ADMIN_PASSWORD, ADMIN_SECRET_KEY, USER_SESSION_SECRET and TOKEN_ENCRYPT_KEY, each at least 16 characters:
#   node -p "require('crypto').randomBytes(24).toString('base64url')"
# A single node makes what is missing itself, in its data folder.

# ---- the containers (docker-compose.yml, docker-compose.distributed.yml) ----

${ofCompose.map(([name, meaning, value]) => `# ${meaning}\n${line(name, value)}`).join('\n\n')}

# ---- secrets; each may come from the file named by <NAME>_FILE instead ----

${secrets.map(secretEntry).join('\n\n')}

# ---- everything else ----

${others.map(entry).join('\n\n')}
`;
}

function defaultOf(one) {
  const value = one.schema.parse(undefined);
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** Lines of a compose file that hand every setting on from .env; an empty one counts as not set. */
export function composeSettings(variables) {
  return Object.entries(variables)
    .flatMap(([name, one]) => [name, ...(one.secret ? [`${name}_FILE`] : [])])
    .map((name) => `  ${name}: \${${name}:-}`)
    .join('\n');
}

const BEGIN = '# settings of src/config.ts, written by scripts/reference.js';
const END = '# end of settings';

/** The compose file with its settings as they are now. Throws where it has no such part. */
export function withComposeSettings(text, variables) {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`a compose file lacks the lines "${BEGIN}" and "${END}"`);
  return `${text.slice(0, from)}${BEGIN}\n${composeSettings(variables)}\n  ${text.slice(to)}`;
}
