/** Who is connected, and on whose connection nothing is under way: only those may be ended without losing a request. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as afterPolling } from 'node:timers/promises';

export interface Connections {
  readonly count: number;
  /**
   * From now on ends connections that are idle: no request runs on them, and for `quietMs` none has begun to come. A balancer
   * that keeps connections has then given them up, or will not send on them in the same moment. Answers how to stop that.
   */
  endIdle(quietMs: number): () => void;
}

interface Connection {
  running: number;
  /** Monotonic ms since which nothing runs on it. */
  idleSince: number;
  /** What had been read from it by then. */
  bytesRead: number;
}

const SWEEP_MS = 100;
/** A request that has begun to come may take so long for its head, ms. */
const HEAD_MS = 10_000;

/** Of the machine itself: a socket does not rest any longer because a test has moved its clock. */
const realMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export function watchConnections(server: Server): Connections {
  const known = new Map<Socket, Connection>();
  const rest = (socket: Socket, one: Connection): void => {
    one.idleSince = realMs();
    one.bytesRead = socket.bytesRead;
  };
  server.on('connection', (socket: Socket) => {
    known.set(socket, { running: 0, idleSince: realMs(), bytesRead: 0 });
    socket.once('close', () => known.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage, res: ServerResponse) => {
    const one = known.get(socket);
    if (one === undefined) return;
    one.running += 1;
    res.once('close', () => {
      one.running -= 1;
      if (one.running === 0) rest(socket, one);
    });
  });

  const sweep = async (quietMs: number): Promise<void> => {
    // Only after the loop has read what has come: a timer may fire with a request waiting in the socket.
    await afterPolling();
    const now = realMs();
    for (const [socket, { running, idleSince, bytesRead }] of known) {
      const mayStay = socket.bytesRead > bytesRead ? HEAD_MS : quietMs;
      if (running === 0 && now - idleSince >= mayStay) socket.destroy();
    }
  };
  return {
    get count() {
      return known.size;
    },
    endIdle(quietMs) {
      void sweep(quietMs);
      const timer = setInterval(() => void sweep(quietMs), SWEEP_MS);
      return () => clearInterval(timer);
    },
  };
}
