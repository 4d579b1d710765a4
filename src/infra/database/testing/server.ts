/** A PostgreSQL server of a test's own: free port, own folder and password, ended by its process id. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { atOurEnd, freePort } from '../../testing/process.js';

/** As `pg_ctl stop -m`: `fast` ends sessions with a word, `immediate` is a crash. */
export type StopMode = 'fast' | 'immediate';

export interface TestPostgres {
  /** Of the server's database `kirogate`, which is empty at first. */
  readonly url: string;
  readonly port: number;
  /** Of the main process; another after `up`. */
  readonly pid: number;
  /** A new empty database on this server, for one test or suite; goes away with the server. */
  freshDatabase(name?: string): Promise<string>;
  /** Stops the server, and resolves when its port is closed. */
  down(mode?: StopMode): Promise<void>;
  /** Starts it again on the same port and data. */
  up(): Promise<void>;
  /** `down`, then `up`. */
  restart(mode?: StopMode): Promise<void>;
  /** Ends the server for good and removes its folder. */
  stop(): Promise<void>;
}

export interface TestPostgresOptions {
  /** What is committed survives a crash of the machine, not only of the server; slower. Default false. */
  readonly durable?: boolean;
  /** More of the server's settings, such as `{ max_connections: '10' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The role and password of every test server. */
export const TEST_USER = 'kirogate';
export const TEST_PASSWORD = 'test-password';

const services = fileURLToPath(new URL('../../../../scripts/services.js', import.meta.url));

/** Makes a data folder, starts a server on it and waits until it answers. */
export async function startTestPostgres(options: TestPostgresOptions = {}): Promise<TestPostgres> {
  const program = realpathSync(execFileSync(process.execPath, [services, 'postgres'], { encoding: 'utf8' }).trim());
  const owner = processOwner();
  const dir = mkdtempSync(join(tmpdir(), 'kirogate-postgres-'));
  const data = join(dir, 'data');
  try {
    if (owner !== undefined) chownSync(dir, owner.uid, owner.gid);
    initialise(join(dirname(program), 'initdb'), dir, data, owner);
    const port = await freePort();
    const server = new Server(program, dir, [...settingsOf(data, port, options)], owner, port);
    await server.up();
    await server.freshDatabase('kirogate');
    return server;
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

/** The server refuses to run as root: then another account runs it. */
interface Owner {
  readonly uid: number;
  readonly gid: number;
}

function processOwner(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const account = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  if (account === undefined) throw new Error('PostgreSQL cannot run as root, and there is no account postgres or nobody to run it');
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

function initialise(initdb: string, dir: string, data: string, owner: Owner | undefined): void {
  const password = join(dir, 'password');
  writeFileSync(password, TEST_PASSWORD);
  chmodSync(password, 0o644);
  const options = ['-D', data, '-U', TEST_USER, '--pwfile', password, '--auth', 'scram-sha-256', '--locale', 'C', '-E', 'UTF8', '-N'];
  execFileSync(initdb, options, { ...owner, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
}

function settingsOf(data: string, port: number, { durable = false, settings = {} }: TestPostgresOptions): readonly string[] {
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: `${port}`,
    unix_socket_directories: '',
    max_connections: '200',
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
    ...settings,
  };
  return ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

class Server implements TestPostgres {
  readonly url: string;
  readonly #running: { child: ChildProcess; guard: ChildProcess; exited: Promise<unknown> }[] = [];
  #databases = 0;

  constructor(
    private readonly program: string,
    private readonly dir: string,
    private readonly args: readonly string[],
    private readonly owner: Owner | undefined,
    readonly port: number,
  ) {
    this.url = this.#urlOf('kirogate');
  }

  get pid(): number {
    return this.#running[0]?.child.pid ?? 0;
  }

  async freshDatabase(wanted?: string): Promise<string> {
    this.#databases += 1;
    const name = wanted ?? `kirogate_${process.pid}_${this.#databases}`;
    const client = new Client({ connectionString: this.#urlOf('postgres') });
    await client.connect();
    try {
      await client.query(`create database ${name} template template0`);
    } finally {
      await client.end();
    }
    return this.#urlOf(name);
  }

  async up(): Promise<void> {
    if (this.#running.length > 0) return;
    const child = spawn(this.program, this.args, { ...this.owner, cwd: this.dir, stdio: ['ignore', 'ignore', 'pipe'] });
    const guard = atOurEnd('kill -QUIT "$1" 2>/dev/null; sleep 1; kill -9 "$1" 2>/dev/null; rm -rf "$2"', [`${child.pid}`, this.dir]);
    this.#running.push({ child, guard, exited: once(child, 'exit') });
    try {
      await answering(child);
    } catch (error) {
      await this.down('immediate');
      throw error;
    }
  }

  async down(mode: StopMode = 'fast'): Promise<void> {
    const running = this.#running.pop();
    if (running === undefined) return;
    running.child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await running.exited;
    running.guard.kill('SIGKILL');
  }

  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.down(mode);
    await this.up();
  }

  async stop(): Promise<void> {
    await this.down('immediate');
    rmSync(this.dir, { recursive: true, force: true });
  }

  #urlOf(database: string): string {
    return `postgresql://${TEST_USER}:${TEST_PASSWORD}@127.0.0.1:${this.port}/${database}`;
  }
}

/** Resolves when the server says that it takes connections; rejects with its words when it ends before. */
function answering(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      // Only the start is of interest; the rest is read so that the pipe never fills.
      if (output.length < 10_000) output += chunk.toString();
      if (output.includes('ready to accept')) resolve();
    });
    child.once('exit', () => reject(new Error(`postgres ended: ${output}`)));
  });
}
