/**
 * Closed-loop load from a process of its own: so many connections, each sends its next request when the reply is whole.
 * Reads one job a line from standard input, prints one result a line.
 */
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';

function once({ url, headers, body, agent }) {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers } },
      (res) => {
        let bytes = 0;
        res.on('data', (chunk) => (bytes += chunk.length));
        res.on('end', () => (res.statusCode === 200 && bytes > 0 ? resolve() : reject(new Error(`status ${res.statusCode}`))));
        res.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** `{ url, headers, body, connections, ms }` → requests, failures, seconds, latency percentiles in ms. */
async function run(job) {
  const agent = new Agent({ keepAlive: true, maxSockets: job.connections });
  const times = [];
  const failures = new Map();
  const start = performance.now();
  const until = start + job.ms;
  const worker = async () => {
    while (performance.now() < until) {
      const begun = performance.now();
      try {
        await once({ ...job, agent });
        times.push(performance.now() - begun);
      } catch (error) {
        failures.set(error.message, (failures.get(error.message) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: job.connections }, worker));
  const seconds = (performance.now() - start) / 1000;
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? null;
  return { requests: times.length, failures: Object.fromEntries(failures), seconds, p50: at(0.5), p99: at(0.99) };
}

process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
