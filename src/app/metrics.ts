/** `/metrics`: cluster totals read from the projections, what this node answered itself, and its own process (contract §4). */
import { setTimeout as wait } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { EventLog } from '../events/log/port.js';
import { requestErrors, type Tallied } from '../gateway/tally.js';
import { DatabaseError } from '../infra/database/errors.js';
import type { Database } from '../infra/database/port.js';
import { type ProjectionStanding, projectionStandings } from '../panels/api/reads/projections.js';
import type { Directory } from '../projections/directory.js';
import { type PrometheusTotals, prometheusTotals } from '../projections/requestQueries.js';
import { unarchivedIn } from '../projections/runner/progress.js';
import type { Clock } from '../shared/clock.js';
import { addTallied, histogramText, nodeDurationText } from './metricsOfNode.js';

export interface MetricsDeps {
  readonly db: Database;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly nodeId: string;
  /** What this process answered since it began. */
  readonly tallied: () => Tallied;
  /** Stores beside the database by name, and whether each answers this node now. */
  readonly stores?: () => Readonly<Record<string, boolean>>;
}

/** A scrape waits this long for the database. */
const PATIENCE_MS = 700;

/**
 * Answers the text of one scrape, within a second. While the database does not answer, the totals are those read last
 * (none: left out), and `kirogate_store_up` says so.
 */
export function createMetrics(deps: MetricsDeps): () => Promise<string> {
  const own = new Registry();
  own.setDefaultLabels({ node: deps.nodeId });
  collectDefaultMetrics({ register: own });
  const read = rememberingReader(deps);
  return async () => {
    const { stored, answers } = await read();
    const cluster = new Registry();
    addPool(cluster, deps.directory);
    addNode(cluster, answers, deps);
    const tallied = deps.tallied();
    addTallied(cluster, deps.nodeId, tallied);
    const mine = `${nodeDurationText(deps.nodeId, tallied)}\n\n${await own.metrics()}`;
    if (stored === null) return `${await cluster.metrics()}\n${mine}`;
    addCounters(cluster, stored.totals);
    addLag(cluster, stored.standings);
    return `${await cluster.metrics()}\n${durationText(stored.totals)}\n\n${mine}`;
  };
}

interface Stored {
  readonly totals: PrometheusTotals;
  readonly standings: readonly ProjectionStanding[];
}

/** One read at a time, however often it is asked: a store that hangs must not gather scrapes. */
function rememberingReader(deps: MetricsDeps): () => Promise<{ readonly stored: Stored | null; readonly answers: boolean }> {
  let last: Stored | null = null;
  let reading: Promise<Stored> | null = null;
  return async () => {
    reading ??= readStored(deps).finally(() => {
      reading = null;
    });
    const patience = new AbortController();
    const impatient = wait(PATIENCE_MS, null, { ref: false, signal: patience.signal });
    impatient.catch(() => undefined);
    try {
      const found = await Promise.race([reading, impatient]);
      last = found ?? last;
      return { stored: last, answers: found !== null };
    } catch (error) {
      if (error instanceof DatabaseError && error.transient) return { stored: last, answers: false };
      throw error;
    } finally {
      patience.abort();
    }
  };
}

/** Who was not authenticated is not counted among the cluster's requests; whose node died is. */
const countedErrors = [...requestErrors.filter((code) => code !== 'invalid_api_key' && code !== 'ip_banned'), 'abandoned'];

async function readStored({ db, clock, log }: MetricsDeps): Promise<Stored> {
  const [totals, unarchived] = await Promise.all([prometheusTotals(db), unarchivedIn(log, db, 1)]);
  return { totals, standings: await projectionStandings(db, clock.now(), unarchived) };
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
  // A series that begins at its first count never shows a rise.
  for (const type of countedErrors) errors.inc({ type }, 0);
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

function addNode(registry: Registry, answers: boolean, { db, log, nodeId, stores }: MetricsDeps): void {
  const registers = [registry];
  const up = new Gauge({ name: 'kirogate_store_up', help: '1 while the store answers', labelNames: ['store', 'node'], registers });
  for (const [store, isUp] of Object.entries({ [db.engine]: answers, ...stores?.() })) up.set({ store, node: nodeId }, isUp ? 1 : 0);
  const spool = new Gauge({ name: 'kirogate_spool_bytes', help: 'Bytes of events not yet archived', labelNames: ['node'], registers });
  spool.set({ node: nodeId }, log.backlog().bytes);
}

function addLag(registry: Registry, standings: readonly ProjectionStanding[]): void {
  const lag = new Gauge({
    name: 'kirogate_projection_lag_seconds',
    help: 'Age of the oldest event that a projection has not taken in',
    labelNames: ['projection', 'partition'],
    registers: [registry],
  });
  for (const { name, partitions } of standings) {
    for (const { partition, lagMs } of partitions) lag.set({ projection: name, partition }, lagMs / 1000);
  }
}

/** prom-client's histogram takes observations, not finished buckets: these come from the merged ones of all nodes. */
function durationText({ duration }: PrometheusTotals): string {
  return histogramText('kirogate_request_duration_seconds', "From a request's arrival to the end of its reply", duration);
}
