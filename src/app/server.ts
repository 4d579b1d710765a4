/** The node's HTTP server: bound before anything else, health at every moment, drain at the end (contract §4). */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendJson } from '../gateway/http.js';
import { BACKLOG, closeListener } from './closeListener.js';
import { watchConnections } from './connections.js';
import { createWaitingRoom, type Handler, type WaitingRoom } from './waitingRoom.js';

export type NodeState = 'starting' | 'healthy' | 'degraded' | 'unhealthy' | 'draining';

/** How a cluster's stores look from this node; shown by `/health` in distributed mode. */
export interface StoreStates {
  readonly postgres: 'connected' | 'disconnected';
  readonly redis: 'connected' | 'disconnected';
}

export interface HealthFacts {
  readonly nodeId: string;
  readonly version: string;
  readonly mode: 'single' | 'distributed';
  /** Seconds since the process began to listen. */
  readonly uptime: () => number;
}

export interface NodeServer {
  readonly port: number;
  readonly connections: number;
  state: NodeState;
  /** null on a single node. */
  stores: StoreStates | null;
  /** Until there is one, requests wait for it (all but those for health). */
  handler: Handler | null;
  /**
   * Takes no new connections; resolves when the listener is closed. What comes on connections that there are is still served.
   * They are ended when nothing has come for `quietMs` (at least 250).
   */
  stopListening(quietMs?: number): Promise<void>;
  /** Resolves when the listener has been closed and nobody is connected any more. */
  ended(): Promise<void>;
  /** Listens again on the same port. Rejects when somebody else has taken it meanwhile. */
  listenAgain(): Promise<void>;
  /** Closes the listener and ends what is still connected. */
  destroy(): void;
}

/** A node that starts keeps so many requests for so long, ms; more, or longer, is a 503. */
const WAITING = { capacity: 1_000, longestMs: 30_000 } as const;

/** A connection that was just taken has at least so long for its request. */
const SHORTEST_QUIET_MS = 250;

/** Binds `port` at once. Rejects when the address is taken. */
export async function listen(options: { host: string; port: number; facts: HealthFacts }): Promise<NodeServer> {
  const server = createServer({ keepAlive: true, noDelay: true, requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 65_000 });
  const room = createWaitingRoom({ ...WAITING, refuse: refuseStarting });
  let port = options.port;
  let handler: Handler | null = null;
  const connections = watchConnections(server);
  let endSweep = (): void => undefined;
  const node = {
    state: 'starting' as NodeState,
    stores: null as StoreStates | null,
    get handler() {
      return handler;
    },
    set handler(one) {
      handler = one;
      if (one !== null) room.open(one);
    },
    get port() {
      return port;
    },
    get connections() {
      return connections.count;
    },
    async stopListening(quietMs = 0) {
      endSweep();
      await closeListener(server);
      endSweep = connections.endIdle(Math.max(quietMs, SHORTEST_QUIET_MS));
    },
    async ended() {
      if (server.listening || connections.count > 0) await once(server, 'close');
    },
    async listenAgain() {
      // Else idle connections would be closed for ever, some of them under a request that is on its way.
      endSweep();
      if (!server.listening) await bind(server, options.host, port);
    },
    destroy() {
      endSweep();
      server.close();
      server.closeAllConnections();
    },
  };
  server.on('request', (req, res) => {
    // Balancers move on without a lost request while new ones are still served.
    if (node.state === 'draining' || !server.listening) res.setHeader('connection', 'close');
    answer(req, res, { node, facts: options.facts, room });
  });
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  await bind(server, options.host, port);
  port = (server.address() as AddressInfo).port;
  return node;
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, BACKLOG, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

interface AnswerContext {
  readonly node: Pick<NodeServer, 'state' | 'stores' | 'handler'>;
  readonly facts: HealthFacts;
  readonly room: WaitingRoom;
}

function answer(req: IncomingMessage, res: ServerResponse, { node, facts, room }: AnswerContext): void {
  const path = (req.url ?? '/').split('?', 1)[0];
  if (path === '/health/live') return sendJson(res, 200, { status: 'alive', node_id: facts.nodeId });
  if (path === '/health') {
    const body = {
      status: node.state,
      mode: facts.mode,
      node_id: facts.nodeId,
      uptime: Math.round(facts.uptime()),
      version: facts.version,
      ...node.stores,
    };
    return sendJson(res, node.state === 'healthy' || node.state === 'degraded' ? 200 : 503, body);
  }
  if (node.handler) return node.handler(req, res);
  room.enter(req, res);
}

function refuseStarting(req: IncomingMessage, res: ServerResponse): void {
  req.resume();
  sendJson(
    res,
    503,
    { error: { message: 'This node is starting.', type: 'server_error', code: 'storage_unavailable', param: null } },
    { 'retry-after': 1 },
  );
}
