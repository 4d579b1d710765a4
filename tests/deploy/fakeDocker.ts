/** A `docker` and a `sleep` for PATH that behave as Docker's do towards deploy/compose/roll.sh, and keep count of who serves. */
import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Container {
  readonly id: string;
  readonly number: number;
  /** Which `.env` and image it was made of. */
  readonly made: 'before' | 'now';
  readonly address: string;
  readonly startedAt: number;
  running: boolean;
  restarts: number;
}

/** What becomes of a new container: healthy after some seconds, never, or it ends by itself after a second. */
export type Fate = 'healthy' | 'hangs' | 'ends';

interface Answer {
  readonly code: number;
  readonly out: string;
}
const answer = (out = '', code = 0): Answer => ({ code, out });

const SECONDS_TO_START = 3;

export interface FakeDockerOptions {
  readonly containers: number;
  /** Of the n-th container that is made, beginning with 0; default healthy. */
  readonly fate?: (n: number) => Fate;
  /** May nginx load its configuration? */
  readonly nginxLoads?: () => boolean;
  /** Called whenever the script waits a second. */
  readonly whileWaiting?: () => void;
}

/** The rules, with a clock of their own: only `sleep` moves it. */
export class DockerModel {
  readonly #options: FakeDockerOptions;
  readonly containers: Container[] = [];
  /** What changed something, in order. */
  readonly changes: string[] = [];
  /** Nodes that serve and that nginx knows, after each change. */
  readonly serving: number[] = [];
  readonly #fates = new Map<string, Fate>();
  #known: string[] = [];
  #made = 0;
  #now = 0;

  constructor(options: FakeDockerOptions) {
    this.#options = options;
    for (let number = 1; number <= options.containers; number += 1) this.#create(number, 'before', -60, 'healthy');
    this.#known = this.#running().map(({ address }) => address);
  }

  get waitedSeconds(): number {
    return this.#now;
  }

  call(program: string, args: readonly string[]): Answer {
    if (program === 'sleep') {
      this.#now += Number(args[0]);
      this.#options.whileWaiting?.();
      return answer();
    }
    const given = this.#docker(args);
    this.serving.push(this.#running().filter((one) => this.#known.includes(one.address) && this.#isHealthy(one)).length);
    return given;
  }

  #docker([word = '', ...rest]: readonly string[]): Answer {
    const line = [word, ...rest].join(' ');
    if (line === 'compose ps --all --quiet kirogate') return answer(this.containers.map(({ id }) => `${id}\n`).join(''));
    if (line === 'compose exec -T nginx nginx -t -q') return answer('', this.#nginxLoads() ? 0 : 1);
    if (line === 'compose exec -T nginx nginx -s reload') return this.#reload();
    if (word === 'compose' && rest[0] === 'up') return this.#up(rest.slice(1));
    const container = this.containers.find(({ id }) => id === rest.at(-1));
    if (container === undefined) return answer(`docker: no such container in: ${line}`, 1);
    if (word === 'inspect') return answer(`${this.#state(container)}\n`);
    if (word === 'logs') return answer(`last words of ${container.id}\n`);
    if (word === 'stop' && rest.length === 1) return this.#stop(container);
    if (word === 'rm' && rest.length === 1) return this.#remove(container);
    return answer(`docker: not known here: ${line}`, 1);
  }

  /** As Docker Compose has it: what differs from the file is replaced unless told otherwise, too many go by the highest number. */
  #up(args: readonly string[]): Answer {
    const wanted = Number(/^kirogate=(\d+)$/.exec(args[args.indexOf('--scale') + 1] ?? '')?.[1] ?? 3);
    this.changes.push(`up ${wanted}`);
    if (!args.includes('--no-deps')) this.changes.push('PostgreSQL and Redis are made anew');
    if (!args.includes('--no-recreate')) for (const old of this.containers.filter(({ made }) => made === 'before')) this.#replace(old);
    this.containers.sort((a, b) => a.number - b.number);
    this.containers.splice(wanted);
    const highest = Math.max(0, ...this.containers.map(({ number }) => number));
    for (let number = highest + 1; this.containers.length < wanted; number += 1) this.#createNext(number);
    return answer();
  }

  #replace(old: Container): void {
    this.containers.splice(this.containers.indexOf(old), 1);
    this.#createNext(old.number);
  }

  #createNext(number: number): void {
    this.#create(number, 'now', this.#now, this.#options.fate?.(this.#made) ?? 'healthy');
    this.#made += 1;
  }

  #create(number: number, made: Container['made'], startedAt: number, fate: Fate): void {
    const taken = this.#running().map(({ address }) => address);
    const address = Array.from({ length: 127 }, (_none, i) => `172.31.250.${128 + i}`).find((one) => !taken.includes(one)) ?? '';
    // nginx would send requests to a node that does not serve yet.
    if (made === 'now' && this.#known.includes(address)) this.changes.push(`nginx still knows ${address}`);
    const id = `${made}-${number}-${'0'.repeat(56)}`;
    this.containers.push({ id, number, made, address, startedAt, running: true, restarts: 0 });
    this.#fates.set(id, fate);
  }

  #reload(): Answer {
    if (!this.#nginxLoads()) return answer('', 1);
    this.changes.push('reload');
    const all = this.#running();
    this.#known = all.map(({ address }) => address);
    for (const one of all) if (!this.#isHealthy(one)) this.changes.push(`nginx is told of ${one.id}, which does not serve`);
    return answer();
  }

  #stop(container: Container): Answer {
    this.changes.push(`stop ${container.made}-${container.number}`);
    container.running = false;
    return answer(`${container.id}\n`);
  }

  #remove(container: Container): Answer {
    if (container.running) return answer('docker: it is running', 1);
    this.changes.push(`rm ${container.made}-${container.number}`);
    this.containers.splice(this.containers.indexOf(container), 1);
    return answer(`${container.id}\n`);
  }

  readonly #nginxLoads = (): boolean => this.#options.nginxLoads?.() ?? true;
  readonly #running = (): Container[] => this.containers.filter(({ running }) => running);

  #isHealthy({ id, startedAt }: Container): boolean {
    return this.#fates.get(id) === 'healthy' && this.#now - startedAt >= SECONDS_TO_START;
  }

  #state(container: Container): string {
    const age = this.#now - container.startedAt;
    if (!container.running) return '0 exited unhealthy';
    if (this.#fates.get(container.id) === 'ends' && age >= 1) return '1 restarting starting';
    return `0 running ${this.#isHealthy(container) ? 'healthy' : 'starting'}`;
  }
}

export interface FakeDocker {
  readonly model: DockerModel;
  /** The environment in which `docker` and `sleep` are the model's. */
  readonly env: Record<string, string>;
  close(): Promise<void>;
}

/** Asks over named pipes, since starting Node for each of a hundred calls takes too long. */
const program = (name: string, dir: string): string => `#!/bin/sh
echo "${name} $*" >${dir}/asked
exec 3<${dir}/answered
read -r code <&3
cat <&3
exit "$code"
`;

/** Puts the model behind two programs that ask it. One asks at a time, as the script does. */
export async function startFakeDocker(options: FakeDockerOptions): Promise<FakeDocker> {
  const model = new DockerModel(options);
  const dir = mkdtempSync(join(tmpdir(), 'kirogate-docker-'));
  for (const pipe of ['asked', 'answered']) execFileSync('mkfifo', [join(dir, pipe)]);
  for (const name of ['docker', 'sleep']) writeFileSync(join(dir, name), program(name, dir), { mode: 0o755 });
  // Open for writing too: it would end when the first program has asked.
  const asked = new Socket({ fd: openSync(join(dir, 'asked'), constants.O_RDWR | constants.O_NONBLOCK) });
  asked.on('data', (line: Buffer) => {
    const [name = '', ...args] = line.toString().trimEnd().split(' ');
    const { code, out } = model.call(name, args);
    writeFileSync(join(dir, 'answered'), `${code}\n${out}`);
  });
  return {
    model,
    env: { PATH: `${dir}:${process.env['PATH'] ?? ''}` },
    close: async () => {
      asked.destroy();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
