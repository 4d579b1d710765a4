/**
 * The one upstream behind everything that is measured: the bundled simulator, and beside it the same reply in the OpenAI
 * form for the peers that only pass bytes on. Prints both addresses as one JSON line; ends with its standard input.
 */
import { createServer } from 'node:http';
import { startSimulator } from '../dist/simulator/index.js';

/** Words of a reply and words in one piece: a short answer of 32 pieces. */
const WORDS = 128;
const WORDS_PER_PIECE = 4;

const pieces = Array.from({ length: WORDS / WORDS_PER_PIECE }, (_, i) => ` alpha bravo charlie delta`.slice(i === 0 ? 1 : 0));
const base = { id: 'chatcmpl-bench', created: 1, model: 'claude-sonnet-4.5' };
const usage = { prompt_tokens: 200, completion_tokens: 160, total_tokens: 360 };
const json = Buffer.from(
  JSON.stringify({
    ...base,
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: pieces.join('') }, finish_reason: 'stop' }],
    usage,
  }),
);
const chunk = (delta, finish) => ({ ...base, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] });
const frames = [
  ...pieces.map((content) => chunk({ role: 'assistant', content }, null)),
  chunk({}, 'stop'),
  { ...base, object: 'chat.completion.chunk', choices: [], usage },
].map((one) => Buffer.from(`data: ${JSON.stringify(one)}\n\n`));
const done = Buffer.from('data: [DONE]\n\n');

const openai = createServer({ keepAliveTimeout: 120_000, requestTimeout: 0 }, (req, res) => {
  let text = '';
  req.setEncoding('utf8');
  req.on('data', (part) => (text += part));
  req.on('end', () => {
    if (JSON.parse(text).stream !== true) {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': json.length });
      res.end(json);
      return;
    }
    res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    // One write a piece, as a model gives them.
    for (const frame of frames) res.write(frame);
    res.end(done);
  });
});

const simulator = await startSimulator({ keepRequests: 100, settings: { wordsPerChunk: WORDS_PER_PIECE } });
await new Promise((resolve) => openai.listen(0, '127.0.0.1', 1024, resolve));
const stop = () => process.exit(0);
process.stdin.once('end', stop).resume();
process.stdout.write(`${JSON.stringify({ kiro: simulator.url, openai: `http://127.0.0.1:${openai.address().port}`, pid: process.pid })}\n`);
