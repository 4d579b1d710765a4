/** A wire that a test can hold still or cut: forwards TCP to another port of this machine. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Connections stay open and new ones are taken, but not a byte passes: what a lost network looks like. */
  pause(): void;
  /** What waited passes, connections made meanwhile get through. */
  resume(): void;
  /** Ends every connection and refuses new ones, until `restore`. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
}

interface Wire {
  readonly near: Socket;
  readonly far: Socket;
}

/** Starts a proxy on a free port, open at first. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const wires = new Set<Wire>();
  let still = false;
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (near) => {
    const wire = { near, far: connect({ port: targetPort, host: '127.0.0.1', noDelay: true }) };
    wires.add(wire);
    const end = (): void => {
      wires.delete(wire);
      near.destroy();
      wire.far.destroy();
    };
    for (const socket of [near, wire.far]) socket.once('close', end).on('error', () => undefined);
    wire.far.pause();
    if (!still) join(wire);
  });
  const port = await listen(server, 0);
  return {
    port,
    pause() {
      if (still) return;
      still = true;
      for (const wire of wires) part(wire);
    },
    resume() {
      // Joined twice, a wire would carry every byte twice.
      if (!still) return;
      still = false;
      for (const wire of wires) join(wire);
    },
    cut: () => end(server, wires),
    async restore() {
      if (!server.listening) await listen(server, port);
    },
    close: () => end(server, wires),
  };
}

function join({ near, far }: Wire): void {
  near.pipe(far);
  far.pipe(near);
}

function part({ near, far }: Wire): void {
  near.unpipe(far).pause();
  far.unpipe(near).pause();
}

function end(server: Server, wires: ReadonlySet<Wire>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const { near, far } of wires) {
      near.destroy();
      far.destroy();
    }
  });
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', 1024, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : port);
    });
  });
}
