/** Nodes that share one database and one simulated upstream, on a clock that stands still. */
import { pino } from 'pino';
import { insertCredential, readCredential, type StoredCredential } from '../../commands/token/credentials.js';
import { AppError } from '../../errors.js';
import { createMemoryCache } from '../../infra/cache/memory.js';
import type { SharedCache } from '../../infra/cache/port.js';
import type { Database, Engine } from '../../infra/database/port.js';
import { openTestDatabase, type TestDatabase } from '../../infra/database/testing/engines.js';
import { createVault, type Vault } from '../../infra/vault.js';
import { createTestClock, type TestClock } from '../../limits/testing/fixtures.js';
import { createIds } from '../../shared/ids.js';
import { type Simulator, startSimulator } from '../../simulator/index.js';
import { type Upstream, UpstreamFailure } from '../../upstreams/define.js';
import { createKiroUpstream } from '../../upstreams/kiro/index.js';
import { type Access, type AccessDeps, createAccess } from '../access.js';
import type { CredentialStore } from '../store.js';
import { createVaultStore } from '../vaultStore.js';

/** Deriving a key takes 50 ms: one for all. */
export const testVault = createVault({ key: 'a key for these tests' });

export interface NodeOptions {
  /** Default: one of its own, as on nodes without Redis. */
  readonly cache?: SharedCache;
  readonly vault?: Vault;
  /** Replaces parts of the real store. */
  readonly store?: (real: CredentialStore) => Partial<CredentialStore>;
  /** Replaces parts of the real upstream. */
  readonly upstream?: (real: Upstream) => Partial<Upstream>;
  readonly over?: Partial<AccessDeps>;
}

export class Cluster {
  /** Tokens that were taken out of the pool. */
  readonly removed = new Set<string>();
  readonly #upstreams: Upstream[] = [];
  #runs = 0;

  private constructor(
    readonly clock: TestClock,
    readonly sim: Simulator,
    readonly database: TestDatabase,
  ) {}

  static async open(engine: Engine = 'sqlite'): Promise<Cluster> {
    const clock = createTestClock();
    return new Cluster(clock, await startSimulator({ clock }), await openTestDatabase(engine));
  }

  /** The vault as one more node run sees it. */
  async store(vault: Vault = testVault): Promise<CredentialStore> {
    return createVaultStore({ db: await this.database.another(), vault, clock: this.clock, claimant: `run-${this.#runs++}` });
  }

  kiro(): Upstream {
    const { url } = this.sim;
    const upstream = createKiroUpstream({
      region: 'us-east-1',
      authUrl: url,
      oidcUrl: url,
      apiUrl: url,
      managementUrl: url,
      identity: 'kirogate-test',
      firstByteTimeoutMs: 10_000,
      clock: this.clock,
      ids: createIds(this.clock),
    });
    this.#upstreams.push(upstream);
    return upstream;
  }

  async node(options: NodeOptions = {}): Promise<Access> {
    const vault = options.vault ?? testVault;
    const real = await this.store(vault);
    const kiro = this.kiro();
    const upstream = { ...kiro, ...options.upstream?.(kiro) };
    return createAccess({
      store: { ...real, ...options.store?.(real) },
      cache: options.cache ?? createMemoryCache({ clock: this.clock }),
      vault,
      upstreamOf: (tokenId) => (this.removed.has(tokenId) ? undefined : upstream),
      registerExternal: async () => undefined,
      externalUpstream: upstream,
      clock: this.clock,
      logger: pino({ level: 'silent' }),
      ...options.over,
    });
  }

  /** Puts an account of the simulator into the vault, under the same id. */
  async donate(id: string, account: { readonly rotate?: boolean; readonly accessTokenSeconds?: number } = {}): Promise<void> {
    const { refreshToken } = this.sim.addCredential({ kind: 'social', id, ...account });
    const { authType, fingerprint, secret } = this.kiro().parseCredential({ authType: 'social', refreshToken });
    await this.db.tx((tx) => insertCredential(tx, testVault, { tokenId: id, authType, fingerprint, secret }));
  }

  stored(tokenId: string): Promise<StoredCredential | undefined> {
    return readCredential(this.db, testVault, tokenId);
  }

  /** Refreshes that the simulator saw, refused ones included. */
  refreshes(): number {
    return this.sim.requests().filter(({ operation }) => operation === 'refresh').length;
  }

  get db(): Database {
    return this.database.db;
  }

  async close(): Promise<void> {
    for (const upstream of this.#upstreams) await upstream.close();
    await this.database.end();
    await this.sim.close();
  }
}

/** A point that a test holds others at. */
export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
}

export function createGate(): Gate {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

/** `served`, or what it failed with. */
export const outcomeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'served',
    (error: unknown) => (error instanceof UpstreamFailure ? error.kind : error instanceof AppError ? error.code : String(error)),
  );
