/**
 * The Kiro service from the other side, on loopback: for the demo, tests and benchmarks, and as a witness of what
 * really reached it. Written from the protocol's facts alone, independently of the adapter it stands opposite to.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../shared/clock.js';
import {
  type Behaviour,
  type BehaviourFunction,
  createBehaviourScript,
  defaultSettings,
  type SettingsPatch,
  type SimulatorSettings,
} from './behaviour.js';
import { type CredentialOptions, type CredentialPatch, createCredentials } from './credentials.js';
import { defined } from './defined.js';
import { createGate } from './gate.js';
import { createRandom } from './random.js';
import { type HandedOut, handOut } from './routes/control.js';
import { sendJson } from './routes/http.js';
import { route } from './routes/index.js';
import type { Service } from './service.js';
import { createFrameEncoder } from './wire/frames.js';
import { createWitness, type RequestRecord, type WitnessSnapshot } from './witness.js';

export interface SimulatorOptions {
  /** 0 or left out: any free port. */
  readonly port?: number;
  readonly host?: '127.0.0.1';
  /** The same seed gives the same ids, replies, latencies and failures in the same order of requests. Default 1. */
  readonly seed?: number;
  readonly clock?: Clock;
  readonly settings?: SettingsPatch;
  /** How many requests the witness remembers one by one. Default 10,000. */
  readonly keepRequests?: number;
}

export interface Simulator {
  /** Origin without a slash at the end; use it for all four of the product's Kiro origins. */
  readonly url: string;
  readonly port: number;
  /** A new account; returns what its donor would hand over. */
  addCredential(options: CredentialOptions): HandedOut;
  /** Suspends, revokes, expires, spends. Throws for an unknown id. */
  updateCredential(id: string, patch: CredentialPatch): void;
  /** The refresh token the service would take now; undefined for an unknown id. */
  refreshTokenOf(id: string): string | undefined;
  /** What to do with coming completions: a list is used up one by one, a function is asked each time. */
  behave(script: BehaviourFunction | readonly Behaviour[], credential?: string): void;
  /** Completions that wait because a behaviour said `hold`. */
  held(): number;
  /** Lets them all go on; returns how many there were. */
  release(): number;
  settings(patch?: SettingsPatch): SimulatorSettings;
  /** Exact counters and peaks. */
  witness(): WitnessSnapshot;
  /** The latest requests one by one, oldest first. */
  requests(query?: { readonly after?: number; readonly limit?: number }): readonly RequestRecord[];
  /** Forgets what was seen, scripted and set; credentials stay. */
  reset(): void;
  /** Closes the port and every socket at once. */
  close(): Promise<void>;
}

function createService(options: SimulatorOptions): Service {
  const { seed = 1, clock = systemClock } = options;
  const random = createRandom(seed);
  const witness = createWitness({ clock, keep: options.keepRequests ?? 10_000 });
  const script = createBehaviourScript();
  const initial: SimulatorSettings = { ...defaultSettings, ...defined(options.settings ?? {}) };
  const gate = createGate();
  let settings = initial;
  return {
    clock,
    random,
    credentials: createCredentials({ clock, random, seed }),
    witness,
    script,
    gate,
    encode: createFrameEncoder(),
    settings: () => settings,
    change: (patch) => (settings = { ...settings, ...defined(patch) }),
    reset() {
      witness.reset();
      script.reset();
      settings = initial;
      gate.release();
    },
  };
}

function handle(service: Service, req: IncomingMessage, res: ServerResponse): void {
  route(service, req, res).catch((error: unknown) => {
    // A fault of the simulator itself: it must never look like the service's own 5xx.
    sendJson(
      res,
      500,
      { message: `simulator fault: ${error instanceof Error ? error.message : String(error)}` },
      { 'x-sim-rule': 'simulator.fault' },
    );
    if (!res.writableEnded) res.destroy();
  });
}

/** Starts the service on loopback. Rejects when the port is taken. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const service = createService(options);
  // Longer than any client's keep-alive, so that a reused connection is never closed under a request.
  const server = createServer({ keepAliveTimeout: 120_000, requestTimeout: 0, maxHeaderSize: 64 * 1024 }, (req, res) =>
    handle(service, req, res),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port ?? 0, host: options.host ?? '127.0.0.1', backlog: 1_024 }, resolve);
  });
  const { port } = server.address() as AddressInfo; // listening on TCP
  const { credentials, witness, script } = service;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    addCredential: (given) => handOut(credentials.add(given)),
    updateCredential(id, patch) {
      if (!credentials.update(id, patch)) throw new Error(`the simulator has no credential ${id}`);
    },
    refreshTokenOf: (id) => credentials.get(id)?.refreshToken,
    behave: (given, credential) => script.behave(given, credential),
    held: () => service.gate.held(),
    release: () => service.gate.release(),
    settings: (patch) => (patch ? service.change(patch) : service.settings()),
    witness: () => witness.snapshot(),
    requests: (query) => witness.requests(query),
    reset: () => service.reset(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
