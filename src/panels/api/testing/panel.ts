/** A panel API for tests: real Express on a free port over a real SQLite file, real commands and projections; only the upstream is made up. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { Commands } from '../../../commands/define.js';
import { createCommands } from '../../../commands/handle.js';
import { appendToArchive } from '../../../events/archive.js';
import type { NewEvent } from '../../../events/define.js';
import { migrate } from '../../../infra/database/migrate.js';
import type { Database } from '../../../infra/database/port.js';
import { openSqlite } from '../../../infra/database/sqlite.js';
import { createPasswords } from '../../../infra/passwords.js';
import { createVault } from '../../../infra/vault.js';
import { createMemoryLimits } from '../../../limits/memory.js';
import { createMemoryOpenRecords } from '../../../limits/openRecords.js';
import type { Limits } from '../../../limits/port.js';
import { type Directory, openDirectory } from '../../../projections/directory.js';
import { applyEvents } from '../../../projections/runner/apply.js';
import { type Clock, systemClock } from '../../../shared/clock.js';
import { createIds, type Ids } from '../../../shared/ids.js';
import { defaultSettings } from '../../../shared/settings.js';
import type { Upstream } from '../../../upstreams/define.js';
import { parseKiroCredential } from '../../../upstreams/kiro/credentials.js';
import type { PanelDeps } from '../deps.js';
import { createPanelApi } from '../index.js';
import { routes } from '../routes.js';
import type { SignInOptions } from '../signIn/options.js';

export const adminPassword = 'correct horse battery staple';
export const adminApiKey = 'script-key-0123456789';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape the row's own schema has checked
  readonly body: any;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whose session and CSRF token to send. */
  readonly as?: Session;
}

export interface Session {
  readonly cookie: string;
  readonly csrfToken: string;
}

export interface Member extends Session {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

export interface TestPanel {
  readonly base: string;
  readonly db: Database;
  readonly commands: Commands;
  readonly directory: Directory;
  readonly limits: Limits;
  readonly ids: Ids;
  /** Wall and monotonic time; tests may move it. */
  readonly clock: Clock & { offset: number };
  readonly checked: string[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** With the admin API key. */
  admin(method: string, path: string, body?: unknown): Promise<Answer>;
  adminSession(): Promise<Session>;
  /** Signs a new member up and in. */
  member(name: string): Promise<Member>;
  /** Puts events into a traffic partition and folds them, as ingest does. */
  traffic(events: readonly Pick<NewEvent, 'type' | 'subject' | 'data'>[]): Promise<void>;
  close(): Promise<void>;
}

const migrations = fileURLToPath(new URL('../../../../migrations', import.meta.url));

export interface TestPanelOptions {
  readonly signIn?: SignInOptions;
  /** Imports, over what the panel stands on. */
  readonly imports?: (parts: Pick<PanelDeps, 'clock' | 'db' | 'ids' | 'logger'>) => NonNullable<PanelDeps['imports']>;
}

export async function openTestPanel(options: TestPanelOptions = {}): Promise<TestPanel> {
  const clock = { offset: 0, now: () => systemClock.now() + clock.offset, monotonic: () => systemClock.monotonic() + clock.offset };
  const ids = createIds(clock);
  const logger = pino({ level: 'silent' });
  const db = await openSqlite({ path: ':memory:' });
  await migrate(db, { dir: join(migrations), eventPartitions: 2, clock });
  const directory = await openDirectory({ db, defaults: defaultSettings, clock, logger });
  // The cheapest parameters that are still scrypt: the cost is tested where it is set.
  const passwords = createPasswords({ cost: { N: 2, r: 1, p: 1 } });
  const commands = createCommands({
    db,
    directory: () => directory,
    clock,
    ids,
    nodeId: 'n1',
    vault: createVault({ key: 'a key for tests only, long enough' }),
    logger,
    defaults: defaultSettings,
    passwords,
  });
  const limits = await createMemoryLimits({ clock, random: () => 0.5, openRecords: createMemoryOpenRecords() });
  const endFeed = directory.onChange(({ tokens }) => {
    for (const id of tokens) {
      const token = directory.token(id);
      if (token) void limits.putTokens([{ ...token, models: token.allowedModels }]);
    }
  });
  const closing = new AbortController();
  const checked: string[] = [];
  const app = createPanelApi({
    db,
    commands,
    passwords,
    directory,
    limits,
    upstreams: new Map([['kiro', madeUpUpstream()]]),
    clock,
    ids,
    logger,
    version: '1.2.3',
    adminPassword,
    adminApiKey,
    adminSecret: 'an admin secret for tests',
    userSessionSecret: 'a user secret for tests',
    signIn: options.signIn ?? { publicUrl: '', trustedProxies: [], github: null, oidc: null },
    riskThreshold: 0.7,
    environmentSettings: defaultSettings,
    ...(options.imports && { imports: options.imports({ clock, db, ids, logger }) }),
    // Tests say from where they call.
    clientAddress: (request) => String(request.headers['x-test-address'] ?? '192.0.2.1'),
    checkToken: async (tokenId) => {
      checked.push(tokenId);
      return { ok: false, failure: 'network', message: 'no route' };
    },
    nodes: async () => [
      {
        id: 'n1',
        healthy: true,
        startedAt: clock.now(),
        connections: 3,
        requestsLastMinute: 7,
        leader: true,
        settingsPosition: directory.settingsPosition(),
      },
    ],
    documentedRoutes: [
      {
        method: 'get',
        path: '/v1/models/:id',
        access: 'client-key',
        summary: 'One model.',
        responses: { '200': 'Found.', '404': 'Unknown.' },
      },
    ],
    closing: closing.signal,
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = caller(base);

  const panel: TestPanel = {
    base,
    db,
    commands,
    directory,
    limits,
    ids,
    clock,
    checked,
    call,
    admin: (method, path, body) =>
      call(method, path, { headers: { authorization: `Bearer ${adminApiKey}` }, ...(body === undefined ? {} : { body }) }),
    async adminSession() {
      const answer = await call('POST', '/admin/login', { body: { password: adminPassword } });
      return { cookie: cookieOf(answer), csrfToken: answer.body.csrfToken };
    },
    async member(name) {
      const email = `${name}@example.com`;
      const password = `password of ${name}`;
      const { body } = await call('POST', '/auth/register', { body: { username: name, email, password } });
      const signedIn = await call('POST', '/auth/login', { body: { email, password } });
      return { id: body.id, email, password, cookie: cookieOf(signedIn), csrfToken: signedIn.body.csrfToken };
    },
    async traffic(events) {
      await db.tx(async (tx) => {
        const stored = await appendToArchive(
          tx,
          'p0',
          events.map((event) => ({
            ...event,
            id: ids.uuid(),
            source: '/kirogate/nodes/n1',
            time: clock.now(),
            dataversion: 1,
            partitionkey: event.subject,
            actor: 'system',
            correlationid: null,
            causationid: null,
          })),
        );
        await applyEvents(tx, stored);
      });
    },
    async close() {
      closing.abort();
      endFeed();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await commands.close();
      await limits.close();
      await directory.close();
      await db.close();
    },
  };
  return panel;
}

function madeUpUpstream(): Upstream {
  const parseCredential: Upstream['parseCredential'] = (input) => parseKiroCredential(input, 'us-east-1');
  const resolveModel: Upstream['resolveModel'] = (name) =>
    /^[a-z0-9.-]{1,100}$/.test(name) ? { id: name.replace(/(\d)-(\d)/, '$1.$2'), known: true, contextWindow: 200_000 } : null;
  return { provider: 'kiro', parseCredential, resolveModel } as Partial<Upstream> as Upstream;
}

/** Every success is held against the schema that its own row promises. */
function caller(base: string): TestPanel['call'] {
  return async (method, path, { body, headers, as } = {}) => {
    const response = await fetch(base + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(as === undefined ? {} : { cookie: as.cookie, 'x-csrf-token': as.csrfToken }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: unknown = text === '' ? undefined : JSON.parse(text);
    if (response.ok) promised(method, path)?.parse(parsed);
    return { status: response.status, headers: response.headers, body: parsed };
  };
}

function promised(method: string, path: string) {
  const bare = path.split('?')[0] ?? '';
  const fits = (pattern: string): boolean => new RegExp(`^${pattern.replace(/:\w+/g, '[^/]+')}$`).test(bare);
  return routes.find((row) => row.method === method.toLowerCase() && fits(row.path))?.response;
}

function cookieOf(answer: Answer): string {
  const [pair] = (answer.headers.get('set-cookie') ?? '').split(';');
  if (!pair) throw new Error(`no cookie was set: ${answer.status} ${JSON.stringify(answer.body)}`);
  return pair;
}

export function refreshTokenOf(name: string): string {
  return `${name}-${'r'.repeat(120)}`;
}
