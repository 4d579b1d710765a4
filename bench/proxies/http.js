/** The least a proxy can be: plain `http` and undici, bytes passed on. `node http.js <upstream origin>` prints its port. */
import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Agent } from 'undici';

const origin = process.argv[2];
const dispatcher = new Agent({ connections: 256, keepAliveTimeout: 60_000 });

const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, (req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const headers = { 'content-type': 'application/json' };
    dispatcher
      .request({ origin, path: req.url, method: 'POST', headers, body: Buffer.concat(chunks) })
      .then((answer) => {
        res.writeHead(answer.statusCode, { 'content-type': answer.headers['content-type'] });
        return pipeline(answer.body, res);
      })
      .catch(() => res.destroy());
  });
});
server.listen(0, '127.0.0.1', 1024, () => process.stdout.write(`${JSON.stringify({ port: server.address().port, pid: process.pid })}\n`));
process.stdin.once('end', () => process.exit(0)).resume();
