/** CPU, rate and latency of one proxied request, for every subject, whole replies and streams, at 1 and 32 connections. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cpuMicros, end, median, startScript } from './lib/processes.js';
import { subjects, UPSTREAM_ALONE } from './lib/subjects.js';
import { printTable } from './lib/table.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const words = 'Explain in a few words why a queue without a bound is a fault, and what to do instead. '.repeat(8);
const shapes = [
  { shape: 'JSON', body: bodyOf(false) },
  { shape: 'SSE', body: bodyOf(true) },
];
const connections = [1, 32];
/** A subject that is too slow for the whole of its warm-up is as warm as it gets. */
const WARM_UP_LONGEST_MS = 60_000;
/** Events are archived within this time. */
const AFTERWARDS_MS = 1_000;

function bodyOf(stream) {
  // `[[sim words 128]]` is for the simulator; to the other upstream it is text like any other.
  const messages = [
    { role: 'system', content: 'You answer in short.' },
    { role: 'user', content: `[[sim words 128]] ${words}` },
  ];
  return JSON.stringify({ model: 'claude-sonnet-4.5', messages, stream, ...(stream && { stream_options: { include_usage: true } }) });
}

/** One load process for the whole run, so that every subject meets the same. */
async function startLoad() {
  const child = spawn(process.execPath, [here('lib/load.js')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    async run(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      return JSON.parse((await lines.next()).value);
    },
    async stop() {
      child.stdin.end();
      await once(child, 'exit').catch(() => undefined);
      await end(child);
    },
  };
}

async function measure(subject, load, { shape, body }, count, ms, afterwardsMs = AFTERWARDS_MS) {
  const { url, headers, pids, beside = {} } = subject;
  const job = { url: `${url}/v1/chat/completions`, headers, body, connections: count, ms };
  const before = cpuMicros(pids);
  const besideBefore = Object.fromEntries(Object.entries(beside).map(([name, list]) => [name, cpuMicros(list)]));
  const { requests, failures, seconds, p50, p99 } = await load.run(job);
  // What a request leaves to be done later is part of what it costs.
  await new Promise((resolve) => setTimeout(resolve, afterwardsMs));
  const cpu = cpuMicros(pids) - before;
  if (requests === 0) throw new Error(`${subject.name} served nothing: ${JSON.stringify(failures)}`);
  const besideCpu = Object.fromEntries(
    Object.entries(beside).map(([name, list]) => [name, (cpuMicros(list) - besideBefore[name]) / requests]),
  );
  return { shape, connections: count, requests, failures, rate: requests / seconds, cpu: cpu / requests, p50, p99, besideCpu };
}

/**
 * Counted in requests, because compiling ends after so many calls, not after so long: on a busy machine five seconds were 1,800
 * requests, after which KiroGate used 1,580 µs of a request, Express 634; after 10,000 it was 1,280 and 668.
 */
async function warmUp(subject, load, shape, requests) {
  const until = performance.now() + WARM_UP_LONGEST_MS;
  for (let served = 0; served < requests && performance.now() < until; )
    served += (await measure(subject, load, shape, 32, 1_000, 0)).requests;
}

const cell = (number, digits = 0) => (number === null ? '' : number.toFixed(digits));

export async function measureProxies({ dir, ms, rounds, warmUpRequests, only, without }) {
  const wanted = subjects.filter(
    ({ name }) =>
      (only.length === 0 || only.some((part) => name.includes(part))) && !without.some((part) => name.toLowerCase().includes(part)),
  );
  const upstream = await startScript([here('upstream.js')]);
  const load = await startLoad();
  const spells = [];
  const running = [];
  try {
    for (const { name, start } of wanted) {
      const subject = { name, ...(await start({ dir, upstream })) };
      running.push(subject);
      console.error(`warming up ${name} …`);
      for (const shape of shapes) await warmUp(subject, load, shape, warmUpRequests);
    }
    // In turn, so that a minute in which the machine is slower is slower for all.
    for (let round = 0; round < rounds; round += 1) {
      console.error(`round ${round + 1} of ${rounds} …`);
      for (const shape of shapes)
        for (const count of connections)
          for (const subject of running) spells.push({ name: subject.name, ...(await measure(subject, load, shape, count, ms)) });
    }
  } finally {
    for (const subject of running) await subject.stop();
    await load.stop();
    await upstream.stop();
  }
  const rows = summarise(wanted, spells);
  print(rows);
  return rows;
}

function summarise(wanted, spells) {
  return shapes.flatMap(({ shape }) =>
    connections.flatMap((count) =>
      wanted.map(({ name }) => {
        const mine = spells.filter((spell) => spell.name === name && spell.shape === shape && spell.connections === count);
        const of = (pick) => median(mine.map(pick));
        return {
          name,
          shape,
          connections: count,
          rate: of((spell) => spell.rate),
          cpu: of((spell) => spell.cpu),
          p50: of((spell) => spell.p50),
          p99: of((spell) => spell.p99),
          redisCpu: mine[0]?.besideCpu.redis === undefined ? null : of((spell) => spell.besideCpu.redis),
          failures: Object.assign({}, ...mine.map((spell) => spell.failures)),
        };
      }),
    ),
  );
}

/**
 * Ratios are to the Express proxy of the same run: figures of another machine or hour do not compare. Added latency is to the
 * plain upstream; the one behind KiroGate has more to do for a reply, which counts as added here.
 */
function print(rows) {
  for (const { shape } of shapes) {
    for (const count of connections) {
      const group = rows.filter((row) => row.shape === shape && row.connections === count);
      const express = group.find((row) => row.name.startsWith('Express'));
      const alone = group.find((row) => row.name === UPSTREAM_ALONE);
      console.log(`\n${shape}, ${count} connection${count === 1 ? '' : 's'}`);
      printTable(
        ['', 'CPU µs/request', '× Express', 'requests/s', '× Express', 'p50 ms', 'added ms', 'p99 ms', 'Redis µs/request', 'failed'],
        group.map((row) => [
          row.name,
          row === alone ? '' : cell(row.cpu),
          express && row !== alone ? cell(row.cpu / express.cpu, 2) : '',
          cell(row.rate),
          express ? cell(row.rate / express.rate, 2) : '',
          cell(row.p50, 2),
          alone ? cell(row.p50 - alone.p50, 2) : '',
          cell(row.p99, 2),
          cell(row.redisCpu),
          Object.entries(row.failures)
            .map(([reason, times]) => `${times} × ${reason}`)
            .join(', '),
        ]),
      );
    }
  }
}
