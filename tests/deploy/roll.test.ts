/** deploy/compose/roll.sh against a `docker` that behaves as Docker's does: who serves meanwhile, and what a failure leaves. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeDocker, type FakeDockerOptions, startFakeDocker } from './fakeDocker.js';
import { readText, root } from './files.js';

let docker: FakeDocker;
let script: ChildProcess;
afterEach(() => docker?.close());

/** Runs the script to its end: its exit code and everything it said. */
async function roll(options: FakeDockerOptions, ...args: string[]): Promise<{ readonly code: number; readonly said: string }> {
  docker = await startFakeDocker(options);
  script = spawn('sh', [join(root, 'deploy', 'compose', 'roll.sh'), ...args], { env: docker.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  script.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  script.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(script, 'close')) as [number];
  return { code, said };
}
const names = (): string[] => docker.model.containers.map(({ made, number }) => `${made}-${number}`);

describe('deploy/compose/roll.sh', () => {
  it('replaces node by node: a new one serves before an old one goes, and nginx learns of both at once', async () => {
    expect(await roll({ containers: 3 })).toMatchObject({ code: 0, said: expect.stringContaining('done, 3 nodes') as string });
    const round = (old: number): string[] => ['up 4', 'reload', `stop before-${old}`, `rm before-${old}`, 'reload'];
    expect(docker.model.changes).toEqual([...round(1), ...round(2), ...round(3)]);
    expect(names()).toEqual(['now-4', 'now-5', 'now-6']);
    expect(Math.min(...docker.model.serving)).toBe(3);
    expect(Math.max(...docker.model.serving)).toBe(4);
  });

  it('stops at the first node that does not become healthy in time, takes it away, and leaves the others as they are', async () => {
    const { code, said } = await roll({ containers: 3, fate: (n) => (n === 1 ? 'hangs' : 'healthy') }, '--wait', '7');
    expect(code).toBe(1);
    expect(said).toMatch(/now-5-0+ was not healthy within 7 s[\s\S]*last words of now-5[\s\S]*--nodes 3/);
    expect(names()).toEqual(['before-2', 'before-3', 'now-4']);
    expect(docker.model.serving.at(-1)).toBe(3);
    // Three for the first node, seven for the second.
    expect(docker.model.waitedSeconds).toBe(10);
  });

  it('waits no longer for a node that ends by itself', async () => {
    const { code, said } = await roll({ containers: 3, fate: () => 'ends' });
    expect([code, said]).toEqual([1, expect.stringContaining('ended by itself')]);
    expect(names()).toEqual(['before-1', 'before-2', 'before-3']);
    expect(docker.model.waitedSeconds).toBe(1);
  });

  it('changes nothing where nginx refuses its configuration', async () => {
    const { code, said } = await roll({ containers: 3, nginxLoads: () => false });
    expect([code, said]).toEqual([1, expect.stringContaining('nothing was changed')]);
    expect(docker.model.changes).toEqual([]);
  });

  it('stops no old node that nginx cannot do without, when it does not reload', async () => {
    let asked = 0;
    const { code } = await roll({ containers: 3, nginxLoads: () => asked++ === 0 });
    expect(code).toBe(1);
    expect(names()).toEqual(['before-1', 'before-2', 'before-3']);
    expect(Math.min(...docker.model.serving)).toBe(3);
  });

  it('takes the node that it was waiting for away again when it is interrupted', async () => {
    const { code, said } = await roll({ containers: 2, whileWaiting: () => script.kill('SIGTERM') });
    expect([code, said]).toEqual([143, expect.stringContaining('--nodes 2')]);
    expect(names()).toEqual(['before-1', 'before-2']);
  });

  it('ends with as many as asked for, also where an interrupted run left one more', async () => {
    expect((await roll({ containers: 4 }, '--nodes', '3')).code).toBe(0);
    expect(docker.model.changes.slice(0, 4)).toEqual(['stop before-1', 'rm before-1', 'reload', 'up 4']);
    expect(docker.model.containers.map(({ made }) => made)).toEqual(['now', 'now', 'now']);
    expect(Math.min(...docker.model.serving)).toBe(3);
    await docker.close();
    expect((await roll({ containers: 2 }, '--nodes', '3')).code).toBe(0);
    expect(docker.model.containers.map(({ made }) => made)).toEqual(['now', 'now', 'now']);
  });

  it('says what it would do, and does nothing', async () => {
    const { code, said } = await roll({ containers: 2 }, '--dry-run');
    expect([code, docker.model.changes, names()]).toEqual([0, [], ['before-1', 'before-2']]);
    const commands = [...said.matchAll(/^would run: (\S+ \S+ \S+)/gm)].map(([, command]) => command?.replace(/-0+$/, ''));
    const round = (old: number): string[] => [
      'docker compose up',
      'docker compose exec',
      `docker stop before-${old}`,
      `docker rm before-${old}`,
      'docker compose exec',
    ];
    expect(commands).toEqual([...round(1), ...round(2)]);
  });

  it('refuses what it does not know, and says how to start where nothing runs', async () => {
    for (const args of [['--nodes', 'three'], ['--nodes', '0'], ['--wait'], ['--now']]) {
      expect((await roll({ containers: 3 }, ...args)).code, args.join(' ')).toBe(1);
      expect(docker.model.changes).toEqual([]);
      await docker.close();
    }
    const { code, said } = await roll({ containers: 0 });
    expect([code, said]).toEqual([1, expect.stringContaining('up --detach --wait')]);
  });
});

describe('the procedures', () => {
  const docs = ['docs/operations.md', 'docs/upgrades.md'];

  it.each(docs)('in %s replace nodes by the script', (path) => {
    expect(readText(path)).toContain('sh deploy/compose/roll.sh');
    expect(readText(path)).not.toMatch(/docker( compose)?( -f \S+)? restart\b/);
  });

  it('scale only when new nodes serve, since nginx would send requests to those that do not yet', () => {
    for (const path of [...docs, 'docker-compose.distributed.yml'])
      for (const [line] of readText(path).matchAll(/.*up --detach.*--scale.*/g)) expect(line, path).toContain('--wait --no-recreate');
  });
});
