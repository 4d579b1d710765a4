/** CPU, rate and latency of one proxied request, for every subject, whole replies and streams, at 1 and 32 connections. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cpuMicros, end, median, startScript } from './lib/processes.js';
import { subjects } from './lib/subjects.js';
import { printTable } from './lib/table.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const words = 'Explain in a few words why a queue without a bound is a fault, and what to do instead. '.repeat(8);
const shapes = [
  { shape: 'JSON', body: bodyOf(false) },
  { shape: 'SSE', body: bodyOf(true) },
];
const connections = [1, 32];
/** Of each shape, for every subject: a few thousand requests, after which compiling is over. */
const WARM_UP_MS = 5_000;

function bodyOf(stream) {
  // `[[sim words=128]]` is for the simulator; to the other upstream it is text like any other.
  const messages = [
    { role: 'system', content: 'You answer in short.' },
    { role: 'user', content: `[[sim words=128]] ${words}` },
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

async function measure(subject, load, { shape, body }, count, ms) {
  const { url, headers, pids, beside = {} } = subject;
  const job = { url: `${url}/v1/chat/completions`, headers, body, connections: count, ms };
  const before = cpuMicros(pids);
  const besideBefore = Object.fromEntries(Object.entries(beside).map(([name, list]) => [name, cpuMicros(list)]));
  const { requests, failures, seconds, p50, p99 } = await load.run(job);
  const cpu = cpuMicros(pids) - before;
  if (requests === 0) throw new Error(`${subject.name} served nothing: ${JSON.stringify(failures)}`);
  const besideCpu = Object.fromEntries(
    Object.entries(beside).map(([name, list]) => [name, (cpuMicros(list) - besideBefore[name]) / requests]),
  );
  return { shape, connections: count, requests, failures, rate: requests / seconds, cpu: cpu / requests, p50, p99, besideCpu };
}

const cell = (number, digits = 0) => (number === null ? '' : number.toFixed(digits));

export async function measureProxies({ dir, ms, rounds, only, without }) {
  const wanted = subjects.filter(
    ({ name }) =>
      (only.length === 0 || only.some((part) => name.includes(part))) && !without.some((part) => name.toLowerCase().includes(part)),
  );
  const upstream = await startScript([here('upstream.js')]);
  const load = await startLoad();
  const spells = [];
  try {
    for (const { name, start } of wanted) {
      const subject = { name, ...(await start({ dir, upstream })) };
      console.error(`measuring ${name} …`);
      try {
        for (const shape of shapes) await measure(subject, load, shape, 32, WARM_UP_MS);
        for (let round = 0; round < rounds; round += 1)
          for (const shape of shapes)
            for (const count of connections) spells.push({ name, ...(await measure(subject, load, shape, count, ms)) });
      } finally {
        await subject.stop();
      }
    }
  } finally {
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

/** Ratios are to the Express proxy of the same run: figures of another machine or hour do not compare. */
function print(rows) {
  for (const { shape } of shapes) {
    for (const count of connections) {
      const group = rows.filter((row) => row.shape === shape && row.connections === count);
      const express = group.find((row) => row.name.startsWith('Express'));
      console.log(`\n${shape}, ${count} connection${count === 1 ? '' : 's'}`);
      printTable(
        ['', 'CPU µs/request', '× Express', 'requests/s', '× Express', 'p50 ms', 'p99 ms', 'Redis µs/request', 'failed'],
        group.map((row) => [
          row.name,
          cell(row.cpu),
          express ? cell(row.cpu / express.cpu, 2) : '',
          cell(row.rate),
          express ? cell(row.rate / express.rate, 2) : '',
          cell(row.p50, 2),
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
