/** The means of the other tests here do what they say: wires that hold still, a Redis that forgets, sentinels that fail over. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startClusterRedis } from '../support/cluster/redis.js';
import { startSentinelSet } from '../support/cluster/sentinel.js';
import { startTcpProxy } from '../support/tcpProxy.js';

describe('a wire', () => {
  it('holds still without breaking, passes what waited, and can be cut and restored', async () => {
    const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const proxy = await startTcpProxy(address !== null && typeof address === 'object' ? address.port : 0);
    const echo = async (socket: Socket, text: string): Promise<string> => {
      const answer = once(socket, 'data');
      socket.write(text);
      return String((await answer)[0]);
    };
    const socket = connect(proxy.port, '127.0.0.1');
    expect(await echo(socket, 'one')).toBe('one');
    proxy.pause();
    const waiting = echo(socket, 'two');
    const late = connect(proxy.port, '127.0.0.1');
    await once(late, 'connect');
    const waitingToo = echo(late, 'three');
    expect(await Promise.race([waiting, waitingToo, new Promise((resolve) => setImmediate(resolve, 'nothing'))])).toBe('nothing');
    proxy.resume();
    proxy.resume();
    expect(await Promise.all([waiting, waitingToo])).toEqual(['two', 'three']);
    const ended = Promise.all([once(socket, 'close'), once(late, 'close')]);
    await proxy.cut();
    await ended;
    await expect(once(connect(proxy.port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
    await proxy.restore();
    const again = connect(proxy.port, '127.0.0.1');
    expect(await echo(again, 'four')).toBe('four');
    await proxy.close();
    server.close();
  });
});

describe('a Redis that may be hurt', () => {
  it('comes back from its file, empty, or as it was earlier', async () => {
    const redis = await startClusterRedis({ password: 'secret-of-this-test' });
    try {
      await redis.command('SET', 'a', 'early');
      const copy = await redis.copy();
      await redis.command('SET', 'b', 'late');
      await redis.kill();
      await redis.start();
      expect(await redis.command('MGET', 'a', 'b')).toEqual(['early', 'late']);
      expect(await redis.dump()).toContain('late');
      await redis.kill();
      redis.putBack(copy);
      await redis.start();
      expect(await redis.command('MGET', 'a', 'b')).toEqual(['early', null]);
      await redis.kill();
      redis.empty();
      await redis.start();
      expect(await redis.command('DBSIZE')).toBe(0);
    } finally {
      await redis.stop();
    }
  });

  it('behind sentinels has another primary when the first is killed', async () => {
    const set = await startSentinelSet('secret-of-this-test');
    try {
      const [first, second] = set.servers;
      expect((await set.primary()).port).toBe(first?.port);
      await first?.kill();
      expect((await set.primary()).port).toBe(second?.port);
    } finally {
      await set.stop();
    }
  });
});
