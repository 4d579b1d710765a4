/** What this process answered, as Prometheus series of its node: they move also while no store can be asked for the cluster's totals. */
import { Counter, type Registry } from 'prom-client';
import type { Tallied } from '../gateway/tally.js';

export function addTallied(registry: Registry, node: string, { requests, attempts }: Tallied): void {
  const registers = [registry];
  const answered = new Counter({
    name: 'kirogate_node_requests_total',
    help: 'Generation requests that this process ended since its start, refused ones and unknown keys included',
    labelNames: ['node', 'status', 'code'],
    registers,
  });
  for (const { status, code, count } of requests) answered.inc({ node, status, code }, count);
  const called = new Counter({
    name: 'kirogate_node_upstream_attempts_total',
    help: 'Upstream calls of the requests that this process ended since its start, by result',
    labelNames: ['node', 'result'],
    registers,
  });
  for (const { result, count } of attempts) called.inc({ node, result }, count);
}

export function nodeDurationText(node: string, { duration }: Tallied): string {
  const help = "From a request's arrival to the end of its reply, of what this process ended since its start";
  return histogramText('kirogate_node_request_duration_seconds', help, duration, `node=${JSON.stringify(node)}`);
}

/** prom-client's histogram takes observations, not finished buckets. `label`: as it stands in the text. */
export function histogramText(name: string, help: string, { buckets, sumSeconds, count }: Tallied['duration'], label?: string): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  const before = label === undefined ? '' : `${label},`;
  const alone = label === undefined ? '' : `{${label}}`;
  for (const { le, count: within } of buckets) lines.push(`${name}_bucket{${before}le="${Number.isFinite(le) ? le : '+Inf'}"} ${within}`);
  lines.push(`${name}_sum${alone} ${sumSeconds}`, `${name}_count${alone} ${count}`);
  return lines.join('\n');
}
