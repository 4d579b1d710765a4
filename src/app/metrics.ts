/** `/metrics`: cluster totals read from the projections, and this node's own process (contract §4). */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { EventLog } from '../events/log/port.js';
import type { Database } from '../infra/database/port.js';
import { projectionStandings } from '../panels/api/reads/projections.js';
import type { Directory } from '../projections/directory.js';
import { type PrometheusTotals, prometheusTotals } from '../projections/requestQueries.js';
import type { Clock } from '../shared/clock.js';

export interface MetricsDeps {
  readonly db: Database;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly nodeId: string;
}

/** Answers the text of one scrape. Rejects when the database cannot be read. */
export function createMetrics(deps: MetricsDeps): () => Promise<string> {
  const own = new Registry();
  own.setDefaultLabels({ node: deps.nodeId });
  collectDefaultMetrics({ register: own });
  return async () => {
    const cluster = new Registry();
    const totals = await prometheusTotals(deps.db);
    addCounters(cluster, totals);
    addPool(cluster, deps.directory);
    await addStores(cluster, deps);
    return `${await cluster.metrics()}${durationText(totals)}\n${await own.metrics()}`;
  };
}

function addCounters(registry: Registry, totals: PrometheusTotals): void {
  const registers = [registry];
  const requests = new Counter({
    name: 'kirogate_requests_total',
    help: 'Generation requests that passed authentication, refused ones included',
    labelNames: ['endpoint', 'status', 'model'],
    registers,
  });
  for (const { endpoint, status, model, count } of totals.requests) requests.inc({ endpoint, status, model }, count);
  const errors = new Counter({
    name: 'kirogate_errors_total',
    help: 'Requests that ended in an error, by its code',
    labelNames: ['type'],
    registers,
  });
  for (const { type, count } of totals.errors) errors.inc({ type }, count);
  const tokens = new Counter({
    name: 'kirogate_model_tokens_total',
    help: 'Model tokens in and out, estimated where the upstream does not meter them',
    labelNames: ['direction', 'model'],
    registers,
  });
  for (const { direction, model, count } of totals.modelTokens) tokens.inc({ direction, model }, count);
  const attempts = new Counter({
    name: 'kirogate_upstream_attempts_total',
    help: 'Upstream calls by result',
    labelNames: ['result'],
    registers,
  });
  for (const { result, count } of totals.attempts) attempts.inc({ result }, count);
}

function addPool(registry: Registry, directory: Directory): void {
  const pool = new Gauge({
    name: 'kirogate_pool_tokens',
    help: 'Tokens of the pool by status',
    labelNames: ['status'],
    registers: [registry],
  });
  for (const status of ['active', 'suspended', 'invalid']) pool.set({ status }, 0);
  for (const token of directory.tokens()) pool.inc({ status: token.status });
}

async function addStores(registry: Registry, { db, clock, log, nodeId }: MetricsDeps): Promise<void> {
  const registers = [registry];
  const up = new Gauge({ name: 'kirogate_store_up', help: '1 while the store answers', labelNames: ['store', 'node'], registers });
  const answers = await db.ping().then(
    () => 1,
    () => 0,
  );
  up.set({ store: 'sqlite', node: nodeId }, answers);
  const spool = new Gauge({ name: 'kirogate_spool_bytes', help: 'Bytes of events not yet archived', labelNames: ['node'], registers });
  spool.set({ node: nodeId }, log.backlog().bytes);
  const lag = new Gauge({
    name: 'kirogate_projection_lag_seconds',
    help: 'Age of the oldest event that a projection has not taken in',
    labelNames: ['projection', 'partition'],
    registers,
  });
  for (const { name, partitions } of await projectionStandings(db, clock.now())) {
    for (const { partition, lagMs } of partitions) lag.set({ projection: name, partition }, lagMs / 1000);
  }
}

/** prom-client's histogram takes observations, not finished buckets: these come from the merged ones of all nodes. */
function durationText({ duration }: PrometheusTotals): string {
  const name = 'kirogate_request_duration_seconds';
  const lines = [`# HELP ${name} From a request's arrival to the end of its reply`, `# TYPE ${name} histogram`];
  for (const { le, count } of duration.buckets) lines.push(`${name}_bucket{le="${Number.isFinite(le) ? le : '+Inf'}"} ${count}`);
  lines.push(`${name}_sum ${duration.sumSeconds}`, `${name}_count ${duration.count}`);
  return lines.join('\n');
}
