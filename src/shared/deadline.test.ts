import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { deadline, deadlineSignal } from './deadline.js';

describe('a deadline', () => {
  it('hears what came while the process stood still before it is over', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const client = connect(address !== null && typeof address === 'object' ? address.port : 0, '127.0.0.1');
    const [[peer]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [[Socket], unknown];
    const heard: string[] = [];
    client.on('data', () => heard.push('answer'));
    const over = new Promise<void>((resolve) => {
      deadline(30, () => {
        heard.push('over');
        resolve();
      });
    });
    peer.write('answer');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    await over;
    peer.destroy();
    client.destroy();
    server.close();
    expect(heard).toEqual(['answer', 'over']);
  });

  it('is not heard of once it was called off', async () => {
    let isOver = false;
    deadline(1, () => (isOver = true))();
    await new Promise<void>((resolve) => deadline(5, resolve));
    expect(isOver).toBe(false);
  });

  it('aborts a signal as a time-out does', async () => {
    const signal = deadlineSignal(1);
    const hold = setInterval(() => undefined, 1_000);
    await once(signal, 'abort');
    clearInterval(hold);
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });
});
