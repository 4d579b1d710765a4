/** One leader per office: a lease in Redis with a term, and this run's own clock to know when it may have ended. */
import type { Logger } from 'pino';
import type { RedisConnection } from '../infra/redis/connection.js';
import type { Clock } from '../shared/clock.js';
import { type Every, realEvery } from './every.js';
import { clusterScript } from './scripts.js';

export interface LeaderChange {
  readonly office: string;
  /** Node ids; null: nobody. */
  readonly from: string | null;
  readonly to: string | null;
  /** Rises with every holder. */
  readonly term: number;
}

export interface LeaderDeps {
  readonly redis: Pick<RedisConnection, 'run' | 'isReady'>;
  readonly runId: string;
  readonly nodeId: string;
  /** Default `health_checker`; its lease is at `kirogate:<office>:leader`. */
  readonly office?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This node gained or lost the office. */
  readonly onChange?: (change: LeaderChange) => void;
  readonly every?: Every;
  /** For tests: what Redis takes for the time, ms. Otherwise its own. */
  readonly serverTime?: () => number;
}

export interface Leader {
  /** False from the moment on at which the lease may have ended, whatever has been heard of Redis, and while Redis is away. */
  isLeader(): boolean;
  /** The term while this run is the leader. */
  term(): number | null;
  /** Asks Redis whether this run still holds the office; to be called before each step of a leader's work. Never rejects. */
  check(): Promise<boolean>;
  /** Gives the office up, so that another run takes it at once. Never rejects. */
  close(): Promise<void>;
}

/** Spec R6. */
const LEASE_MS = 60_000;
const RENEW_MS = 30_000;
/** How often others look for a free office, and the leader whether it still holds it. */
const POLL_MS = 1_000;
/** This run's clock may be slower than that of Redis. */
const MARGIN_MS = 5_000;
/** A Redis without terms is a new one, or lost them: in this time every leader that runs has looked and stopped. */
const NEW_REDIS_MS = 5_000;

export function startLeader(deps: LeaderDeps): Leader {
  return new Candidate(deps);
}

interface Held {
  readonly term: number;
  /** Monotonic ms; counted from before the lease was asked for, so that it ends here before it does in Redis. */
  readonly until: number;
  readonly renewedAt: number;
}

class Candidate implements Leader {
  readonly #deps: LeaderDeps;
  readonly #office: string;
  readonly #lease: string;
  readonly #terms: string;
  readonly #claim = clusterScript('claimLeader');
  readonly #renew = clusterScript('renewLeader');
  readonly #release = clusterScript('releaseLeader');
  readonly #stopPolls: () => void;
  #held: Held | null = null;
  #highestTerm = 0;
  #step: Promise<void> | null = null;
  #closed: Promise<void> | null = null;

  constructor(deps: LeaderDeps) {
    this.#deps = deps;
    this.#office = deps.office ?? 'health_checker';
    this.#lease = `kirogate:${this.#office}:leader`;
    this.#terms = `kirogate:${this.#office}:terms`;
    this.#stopPolls = (deps.every ?? realEvery)(POLL_MS, () => this.#poll());
    this.#poll();
  }

  isLeader(): boolean {
    return this.term() !== null;
  }

  term(): number | null {
    const held = this.#held;
    if (held === null || this.#closed !== null || !this.#deps.redis.isReady()) return null;
    return this.#deps.clock.monotonic() < held.until ? held.term : null;
  }

  async check(): Promise<boolean> {
    const held = this.#held;
    if (held === null || !this.isLeader()) return false;
    await this.#look(held);
    return this.#held?.term === held.term && this.isLeader();
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#stopPolls();
    await this.#step;
    const held = this.#held;
    // Also where a claim was sent whose answer never came.
    await this.#deps.redis.run(this.#release, [this.#lease, this.#terms], [this.#deps.runId]).catch(() => undefined);
    if (held !== null) this.#lost(held, 'it stops');
  }

  /** One step at a time; a slow Redis skips polls. */
  #poll(): void {
    if (this.#step !== null || this.#closed !== null) return;
    this.#step = this.#next().finally(() => {
      this.#step = null;
    });
  }

  async #next(): Promise<void> {
    const held = this.#held;
    if (held === null) return this.#tryClaim();
    if (!this.#deps.redis.isReady()) return this.#lost(held, 'Redis is out of reach');
    if (this.#deps.clock.monotonic() >= held.until) return this.#lost(held, 'its lease was not renewed in time');
    return this.#look(held);
  }

  async #tryClaim(): Promise<void> {
    const { redis, runId, nodeId, clock } = this.#deps;
    if (!redis.isReady()) return;
    const asked = clock.monotonic();
    const args = [this.#serverTime(), runId, nodeId, LEASE_MS, this.#highestTerm, NEW_REDIS_MS];
    const reply = await redis.run(this.#claim, [this.#lease, this.#terms], args).catch(() => null);
    if (!Array.isArray(reply)) return;
    const [granted, term, node] = reply as readonly unknown[];
    if (typeof term !== 'number' || typeof node !== 'string') return;
    this.#highestTerm = Math.max(this.#highestTerm, term);
    const until = asked + LEASE_MS - MARGIN_MS;
    // The process may have been frozen while it waited for the answer.
    if (granted !== 1 || clock.monotonic() >= until) return;
    this.#held = { term, until, renewedAt: asked };
    this.#tell({ office: this.#office, from: node === '' ? null : node, to: nodeId, term }, 'this node is the leader');
  }

  /** Renews where it is time, otherwise only looks; anything but a yes ends the office. */
  async #look(held: Held): Promise<void> {
    const { redis, runId, clock } = this.#deps;
    const asked = clock.monotonic();
    const isDue = asked - held.renewedAt >= RENEW_MS;
    const args = [this.#serverTime(), runId, held.term, isDue ? LEASE_MS : 0];
    const reply = await redis.run(this.#renew, [this.#lease], args).catch(() => null);
    if (this.#held?.term !== held.term) return;
    if (reply !== 1) return this.#lost(held, reply === 0 ? 'another run may have it' : 'Redis did not answer');
    if (isDue) this.#held = { term: held.term, until: asked + LEASE_MS - MARGIN_MS, renewedAt: asked };
  }

  #lost(held: Held, reason: string): void {
    if (this.#held?.term !== held.term) return;
    this.#held = null;
    this.#tell({ office: this.#office, from: this.#deps.nodeId, to: null, term: held.term }, `this node is the leader no more: ${reason}`);
  }

  #tell(change: LeaderChange, message: string): void {
    this.#deps.logger.info({ office: change.office, term: change.term }, message);
    this.#deps.onChange?.(change);
  }

  #serverTime(): number | '' {
    return this.#deps.serverTime?.() ?? '';
  }
}
