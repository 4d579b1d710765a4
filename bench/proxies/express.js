/** The usual proxy: Express with its JSON body parser, and undici. `node express.js <upstream origin>` prints its port. */
import { pipeline } from 'node:stream/promises';
import express from 'express';
import { Agent } from 'undici';

const origin = process.argv[2];
const dispatcher = new Agent({ connections: 256, keepAliveTimeout: 60_000 });

const app = express();
app.use(express.json({ limit: '50mb' }));
app.post('/v1/chat/completions', async (req, res) => {
  const headers = { 'content-type': 'application/json' };
  const answer = await dispatcher.request({ origin, path: req.url, method: 'POST', headers, body: JSON.stringify(req.body) });
  res.writeHead(answer.statusCode, { 'content-type': answer.headers['content-type'] });
  await pipeline(answer.body, res);
});
const server = app.listen(0, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ port: server.address().port, pid: process.pid })}\n`),
);
process.stdin.once('end', () => process.exit(0)).resume();
