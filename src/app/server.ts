/** The node's HTTP server: bound before anything else, health at every moment, drain at the end (contract §4). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer } from 'node:net';
import { setImmediate as afterPolling, setTimeout as wait } from 'node:timers/promises';
import { sendJson } from '../gateway/http.js';
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
  /** Takes no new connections; resolves when the listener is closed and connections that are idle have been ended. */
  stopListening(): Promise<void>;
  /** Listens again on the same port. Rejects when somebody else has taken it meanwhile. */
  listenAgain(): Promise<void>;
  /** Closes the listener and ends what is still connected. */
  destroy(): void;
}

/** A node that starts keeps so many requests for so long, ms; more, or longer, is a 503. */
const WAITING = { capacity: 1_000, longestMs: 10_000 } as const;

/** Binds `port` at once. Rejects when the address is taken. */
export async function listen(options: { host: string; port: number; facts: HealthFacts }): Promise<NodeServer> {
  const server = createServer({ keepAlive: true, noDelay: true, requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 65_000 });
  const room = createWaitingRoom({ ...WAITING, refuse: refuseStarting });
  let port = options.port;
  let handler: Handler | null = null;
  let sweep: NodeJS.Timeout | undefined;
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
    connections: 0,
    async stopListening() {
      clearInterval(sweep);
      await quietTurn();
      const closed = closeListener(server);
      await Promise.race([closed, wait(LINGER_MS, undefined, { ref: false })]);
      await endIdle(server);
      // A keep-alive connection that becomes idle after its last reply would hold the process for a minute.
      sweep = setInterval(() => void endIdle(server), 100);
      void closed.then(() => clearInterval(sweep));
    },
    async listenAgain() {
      // Else idle connections would be closed for ever, some of them under a request that is on its way.
      clearInterval(sweep);
      if (!server.listening) await bind(server, options.host, port);
    },
    destroy() {
      clearInterval(sweep);
      server.close();
      server.closeAllConnections();
    },
  };
  server.on('connection', (socket) => {
    node.connections += 1;
    socket.once('close', () => {
      node.connections -= 1;
    });
  });
  server.on('request', (req, res) => answer(req, res, { node, facts: options.facts, room }));
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
    server.listen(port, host, 1024, () => {
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
  // Balancers move on without a lost request while new ones are still served.
  if (node.state === 'draining') res.setHeader('connection', 'close');
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

/** How long a connection that was just taken has for its request, ms. */
const LINGER_MS = 250;

/** Only after the loop has read what has come: a timer may fire with a request waiting in the socket. */
async function endIdle(server: Server): Promise<void> {
  await afterPolling();
  if (!server.listening) server.closeIdleConnections();
}

/** More turns are not waited for: a loop that is never quiet must stop as well. */
const MOST_TURNS = 50;

/**
 * Resolves at the end of a turn of the event loop that took less than a millisecond. The system resets connections that it
 * has taken and we have not, so a listener is closed as soon as may be after a round of taking them.
 */
async function quietTurn(): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    const begun = performance.now();
    await afterPolling();
    if (performance.now() - begun < 1) return;
  }
}

/**
 * Refuses new connections and leaves those there are alone; HTTP's own `close` ends those that have not sent their request
 * yet. Resolves when the last connection has ended.
 */
function closeListener(server: Server): Promise<void> {
  return new Promise((resolve) => {
    NetServer.prototype.close.call(server, () => resolve());
  });
}
