/** Closes a listener so that nobody who has just connected is reset: whoever comes is either taken or refused. */
import { type AddressInfo, connect, Server, type Socket } from 'node:net';
import { nextTick, platform } from 'node:process';
import { setImmediate as afterPolling } from 'node:timers/promises';

/** More turns of the event loop are not waited for: a loop that is never quiet must stop as well. */
const MOST_TURNS = 200;
/** What a listener is opened with: connections that the system may take before we do. */
export const BACKLOG = 1_024;

/** What Node's handles offer beside their public face; all of it is checked before it is used. */
interface Handle {
  listen?(backlog: number): number;
  getpeername?(out: object): number;
}
const handleOf = (owner: Server | Socket): Handle | null => (owner as unknown as { _handle: Handle | null })._handle;

/**
 * Resolves when the listener is closed; connections that there are stay. The system takes connections before we do, and
 * resets those that we have not taken by then. So the listener is closed in a moment in which it is known to hold none:
 * right after a round of taking them its queue is cut to one place, and a connection of our own takes that. If it gets
 * in, nobody else is there, nobody else can come, and the listener is closed in the same turn of the loop. Who tried in
 * that turn was not answered, tries again within a second by himself, and is refused then.
 */
export async function closeListener(server: Server): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS && server.listening; turn += 1) {
    const begun = performance.now();
    await afterPolling();
    const holdsNobody = platform === 'linux' ? await fillQueue(server) : performance.now() - begun < 1;
    if (holdsNobody) break;
  }
  // Not the HTTP server's own `close`: that ends connections whose request is on its way.
  Server.prototype.close.call(server);
}

/** True: the queue of the listener holds a connection of ours, and nothing else. All within one turn of the event loop. */
async function fillQueue(server: Server): Promise<boolean> {
  const handle = handleOf(server);
  const address = server.address();
  if (typeof handle?.listen !== 'function' || address === null || typeof address === 'string') return true;
  if (handle.listen(0) !== 0) return true;
  const own = connect({ port: address.port, host: reachable(address) });
  own.on('error', () => undefined);
  // `connect` reaches the system in a tick of its own, before ours.
  await new Promise<void>((resolve) => nextTick(resolve));
  const isIn = handleOf(own)?.getpeername?.({}) === 0;
  // Ended after the listener is, or it would make room for another.
  if (isIn) void afterPolling().then(() => own.destroy());
  else {
    own.destroy();
    handle.listen(BACKLOG);
  }
  return isIn;
}

function reachable({ address, family }: AddressInfo): string {
  if (address !== '0.0.0.0' && address !== '::') return address;
  return family === 'IPv6' ? '::1' : '127.0.0.1';
}
