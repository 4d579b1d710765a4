/** The examples of docs/streams.md, run as printed against real streams. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONTROL_PARTITION } from '../src/events/define.js';
import { openRedisLog, type RedisLog } from '../src/events/log/redis.js';
import { startTestRedis, type TestRedis } from '../src/infra/redis/testing/server.js';
import { eventOf, used } from '../src/projections/testing/events.js';
import { systemClock } from '../src/shared/clock.js';

const run = promisify(execFile);
const text = await readFile(new URL('../docs/streams.md', import.meta.url), 'utf8');
const examples = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);

let server: TestRedis;
let log: RedisLog;
let dir: string;

beforeAll(async () => {
  server = await startTestRedis();
  dir = await mkdtemp(join(tmpdir(), 'kg-streams-'));
  log = await openRedisLog({ url: server.url, partitions: 8, dir, src: 'doc', clock: systemClock, retentionHours: 24, closeWaitMs: 0 });
  await Promise.all(Array.from({ length: 60 }, (_, index) => log.append(used({ tokenId: `t${index}` }))));
  await log.relayControl([{ ...eventOf('kirogate.user.banned'), partition: CONTROL_PARTITION, position: 1 }]);
});
afterAll(async () => {
  await log.close();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

describe('the page about the streams', () => {
  test('prints examples that work, in their order', async () => {
    expect(examples).toHaveLength(6);
    const { PATH = '' } = process.env;
    const outputs: string[] = [];
    for (const example of examples) {
      const script = example.replace('redis://127.0.0.1:6379', server.url);
      const env = { PATH: `${PATH}:${dirname(process.execPath)}`, REDIS_URL: server.url };
      const { stdout, stderr } = await run('bash', ['-euo', 'pipefail', '-c', script], { env });
      expect(`${stdout}${stderr}`).not.toMatch(/^\(?(error|ERR|WRONGTYPE|NOGROUP)/m);
      outputs.push(stdout);
    }
    const [, first, several, group, confirmed, groups] = outputs;
    expect(first).toMatch(/kirogate\.token\.used/);
    expect(several).toMatch(/kirogate:\{p1\}:events[\s\S]*kirogate:\{control\}:events[\s\S]*kirogate\.user\.banned[\s\S]*pos\n1/);
    expect(group).toMatch(/^OK[\s\S]*kirogate\.token\.used/);
    expect(confirmed).toMatch(/^1$/m);
    expect(groups).toMatch(/analytics[\s\S]*^1$/m);
  });

  test('names every field of an entry', async () => {
    const { stdout } = await run('redis-cli', ['-u', server.url, 'XRANGE', 'kirogate:{control}:events', '-', '+', 'COUNT', '1']);
    const fields = stdout
      .trim()
      .split('\n')
      .slice(1)
      .filter((_, index) => index % 2 === 0);
    expect(fields.length).toBeGreaterThan(12);
    for (const field of fields) expect(text).toContain(`\`${field}\``);
  });
});
