/** Counts what clients send to a Redis, by MONITOR: what scripts do inside the server does not count. */
import { connect } from 'node:net';
import { until } from '../until.js';

/** A line of MONITOR: time, [database client], "command" "arguments"…; `lua` stands for the client inside scripts. */
const LINE = /^\+\d+\.\d+ \[\d+ (?!lua\])[^\]]+\] "([^"]+)"/;
export async function monitorRedis({ port, password }) {
  const socket = connect(port, '127.0.0.1');
  let counts = {};
  let rest = '';
  let ready = false;
  socket.on('data', (chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('+OK')) ready = true;
      const name = LINE.exec(line)?.[1]?.toLowerCase();
      if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
    }
  });
  socket.on('error', () => undefined);
  socket.write(`AUTH ${password}\r\nMONITOR\r\n`);
  await until('MONITOR to run', () => ready || undefined);
  return {
    async during(work) {
      counts = {};
      const begun = performance.now();
      await work();
      return { commands: counts, seconds: (performance.now() - begun) / 1_000 };
    },
    async close() {
      socket.destroy();
    },
  };
}
