/** A TCP proxy between a test's client and its server, which can break the line in every way a network does. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TestProxy {
  readonly port: number;
  readonly url: string;
  /** Cuts all connections; new ones work. */
  drop(): void;
  /** Nothing passes either way, and nobody is told: connections stay open. */
  pause(): void;
  resume(): void;
  /** What the server answers is thrown away, while what it is sent arrives. Until `resume`. */
  loseReplies(): void;
  /** Cuts all connections and refuses new ones until `resume`. */
  refuse(): void;
  stop(): Promise<void>;
}

type Mode = 'open' | 'paused' | 'deaf' | 'refusing';

/** `port`: of the server, on this machine. */
export async function startTestProxy(port: number): Promise<TestProxy> {
  let mode: Mode = 'open';
  const pairs = new Set<{ readonly client: Socket; readonly server: Socket }>();
  const listener = createServer((client) => {
    if (mode === 'refusing') {
      client.destroy();
      return;
    }
    const pair = { client, server: connect(port, '127.0.0.1') };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      pair.server.destroy();
    };
    for (const socket of [client, pair.server]) socket.on('error', end).on('close', end).setNoDelay(true);
    client.on('data', (bytes) => pair.server.write(bytes));
    pair.server.on('data', (bytes) => {
      if (mode !== 'deaf') client.write(bytes);
    });
    if (mode === 'paused') hold(pair);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const own = (listener.address() as AddressInfo).port;
  const drop = (): void => {
    for (const { client, server } of pairs) {
      client.destroy();
      server.destroy();
    }
  };
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    drop,
    pause() {
      mode = 'paused';
      for (const pair of pairs) hold(pair);
    },
    resume() {
      mode = 'open';
      for (const { client, server } of pairs) {
        client.resume();
        server.resume();
      }
    },
    loseReplies() {
      mode = 'deaf';
    },
    refuse() {
      mode = 'refusing';
      drop();
    },
    async stop() {
      drop();
      listener.close();
      await once(listener, 'close');
    },
  };
}

function hold({ client, server }: { readonly client: Socket; readonly server: Socket }): void {
  client.pause();
  server.pause();
}
