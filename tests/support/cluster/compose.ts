/** docker-compose.distributed.yml as a plan for processes of this machine. Names and addresses of containers are all that differs. */
import { type Compose, type ComposeService, readCompose } from '../../deploy/files.js';

/** Where this machine has what the containers reach by name. */
export interface Places {
  readonly postgresPort: number;
  readonly redisPort: number;
}

export interface ComposePlan {
  /** Nodes that it starts. */
  readonly replicas: number;
  /** Every variable of a node but its own name, port and folder. */
  nodeEnvironment(places: Places): Record<string, string>;
}

const file = 'docker-compose.distributed.yml';

function service(compose: Compose, name: string): ComposeService {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`${file} has no service ${name}`);
  return found;
}

/** `env`: what stands in `.env`. A variable that the file hands on to nobody is a fault of the test. */
export function composePlan(env: Readonly<Record<string, string>>): ComposePlan {
  const compose = readCompose(file, env);
  const node = service(compose, 'kirogate');
  const given = node.environment ?? {};
  const lost = Object.keys(env).filter((name) => !(name in given) && !['POSTGRES_PASSWORD', 'REDIS_PASSWORD'].includes(name));
  if (lost.length > 0) throw new Error(`${file} hands nobody ${lost.join(', ')}`);
  return {
    replicas: node.deploy?.replicas ?? 1,
    nodeEnvironment: ({ postgresPort, redisPort }) => ({
      ...given,
      DATABASE_URL: (given['DATABASE_URL'] ?? '').replace('@postgres:5432/', `@127.0.0.1:${postgresPort}/`),
      REDIS_URL: (given['REDIS_URL'] ?? '').replace('@redis:6379/', `@127.0.0.1:${redisPort}/`),
      HOST: '127.0.0.1',
      TRUSTED_PROXIES: '127.0.0.1',
    }),
  };
}

/** `-c name=value` of its PostgreSQL. */
export function composePostgresSettings(): Record<string, string> {
  const words = service(readCompose(file), 'postgres').command ?? [];
  const pairs = words.filter((_word, i) => words[i - 1] === '-c').map((word) => word.split('=') as [string, string]);
  return Object.fromEntries(pairs);
}

/** `--name value` of its Redis as lines of a configuration, the password left out. */
export function composeRedisSettings(): string[] {
  const { command = [], environment = {} } = service(readCompose(file), 'redis');
  const words = [...(command.at(-1) ?? '').matchAll(/--([a-z-]+) "?([^\s"]+)"?/g)].map(
    ([, name = '', value = '']) => [name, value] as const,
  );
  return words
    .filter(([name]) => name !== 'requirepass')
    .map(([name, value]) => `${name} ${value.startsWith('$') ? environment[value.slice(1)] : value}`);
}
