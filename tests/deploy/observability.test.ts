/** Dashboard and alert rules against a live scrape, and docs/operations.md against both: no name without a metric, no metric or alert unexplained. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCatalogue } from '../../src/errors.js';
import { type Service, startService } from '../support/service.js';
import { addTokens, ask, terminals } from '../support/traffic.js';
import { until } from '../support/until.js';
import { readText } from './files.js';
import { picked, readRules, samplesOf, usesOf } from './queries.js';

interface Dashboard {
  readonly panels: readonly {
    id: number;
    title: string;
    gridPos: { x: number; w: number };
    targets: readonly { expr: string; legendFormat: string }[];
  }[];
}

const rules = readRules();
const dashboard = JSON.parse(readText('deploy/grafana/kirogate.json')) as Dashboard;
const queries = [...rules.map((rule) => rule.expr), ...dashboard.panels.flatMap((panel) => panel.targets.map((target) => target.expr))];
const operations = readText('docs/operations.md');

/** Labels that Prometheus adds itself. */
const ofPrometheus = ['job', 'instance'];
/** The metric that Prometheus makes of each target. */
const up = new Map([['up', new Set(ofPrometheus)]]);

/** Every metric of a scrape with all labels that it has. */
function scraped(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { metric, labels } of samplesOf(text)) {
    const known = found.get(metric) ?? new Set(ofPrometheus);
    for (const label of labels.keys()) known.add(label);
    found.set(metric, known);
  }
  return found;
}

let service: Service;
/** Before the first request. */
let fresh: string;
let text: string;
let metrics: Map<string, Set<string>>;

beforeAll(async () => {
  service = await startService();
  fresh = await (await fetch(`${service.url}/metrics`)).text();
  const { key } = await service.admin.member('caller');
  await addTokens(service, 1);
  await ask(service.url, key, 'served');
  await ask(service.url, key, '[[sim error 400 - refused]]');
  await terminals(service, 2);
  text = await until('the two requests in a scrape', async () => {
    const scrape = await (await fetch(`${service.url}/metrics`)).text();
    return /kirogate_upstream_attempts_total\{result="failed"/.test(scrape) ? scrape : undefined;
  });
  metrics = new Map([...scraped(text), ...up]);
});
afterAll(() => service.stop());

describe('dashboard and alert rules', () => {
  it('name only metrics that a node has, by labels that these have', () => {
    expect(queries.length).toBeGreaterThan(30);
    for (const expr of queries) {
      const uses = usesOf(expr);
      expect(uses.length, expr).toBeGreaterThan(0);
      for (const { metric, matchers } of uses) {
        expect([...metrics.keys()], expr).toContain(metric);
        for (const { label } of matchers) expect([...(metrics.get(metric) ?? [])], `${metric} in ${expr}`).toContain(label);
      }
    }
  });

  it('group by labels that one of their metrics has', () => {
    for (const expr of queries) {
      const known = new Set(usesOf(expr).flatMap(({ metric }) => [...(metrics.get(metric) ?? [])]));
      for (const [, list = ''] of expr.matchAll(/\b(?:by|without) \(([^)]*)\)/g))
        for (const label of list.split(',').map((one) => one.trim())) expect([...known], expr).toContain(label);
    }
  });

  it('pick by values that there can be', () => {
    const possible: Record<string, readonly string[]> = {
      type: Object.keys(errorCatalogue),
      code: ['none', ...Object.keys(errorCatalogue)],
      result: ['success', 'failed', 'aborted', 'abandoned'],
      job: ['kirogate'],
    };
    const pool = ['active', 'suspended', 'invalid'];
    for (const { metric, matchers } of queries.flatMap(usesOf)) {
      for (const { label, value } of matchers) {
        const allowed = metric === 'kirogate_pool_tokens' ? pool : possible[label];
        if (allowed !== undefined) for (const one of value.split('|')) expect(allowed, `${metric} ${label}`).toContain(one);
        else expect([label, value]).toEqual(['status', '5..']);
      }
    }
  });

  it('close every bracket that they open', () => {
    for (const expr of queries) {
      let open = 0;
      for (const char of expr.replaceAll(/"[^"]*"/g, '')) {
        if ('([{'.includes(char)) open += 1;
        if (')]}'.includes(char)) open -= 1;
        expect(open, expr).toBeGreaterThanOrEqual(0);
      }
      expect(open, expr).toBe(0);
    }
  });

  it('join what every node tells of the whole cluster by max, since a sum would count it once a node', () => {
    const ofAll = /kirogate_(requests|errors|model_tokens|upstream_attempts)_total|kirogate_request_duration|kirogate_pool_tokens/;
    for (const expr of queries.filter((one) => ofAll.test(one))) {
      expect(expr).toMatch(/\bmax\b/);
      expect(expr).not.toMatch(/\bsum (by )?\(/);
    }
  });

  it('join what each node counts itself by sum', () => {
    const ofNodes = queries.filter((one) => one.includes('kirogate_node_'));
    expect(ofNodes.length).toBeGreaterThan(5);
    for (const expr of ofNodes) {
      expect(expr).toMatch(/\bsum( by \([^)]*\) )?\(/);
      expect(expr).not.toMatch(/\bmax\b/);
    }
  });

  it('alert on rates that go on while no store can be asked for totals', () => {
    const rates = rules.filter(({ expr }) => /\b(rate|increase)\(/.test(expr));
    expect(rates.length).toBeGreaterThan(5);
    for (const { alert, expr } of rates) for (const { metric } of usesOf(expr)) expect(metric, alert).toMatch(/^kirogate_node_/);
  });

  it('alert on counters that are there before they first count: one that begins at its last value never rises', () => {
    const samples = samplesOf(fresh);
    for (const { alert, expr } of rules.filter((rule) => /\b(rate|increase)\(/.test(rule.expr))) {
      for (const use of usesOf(expr)) {
        expect(picked(samples, use).length, `${use.metric} of ${alert}`).toBeGreaterThan(0);
        expect(
          picked(samples, use).every(({ value }) => value === 0),
          alert,
        ).toBe(true);
      }
    }
    const named = [...operations.matchAll(/`(\w+)`/g)].flatMap(([, name = '']) => (name in errorCatalogue ? [name] : []));
    // The cluster's totals are of requests that passed authentication.
    const counted = named.filter((name) => name !== 'invalid_api_key');
    expect(counted).toContain('storage_unavailable');
    for (const type of counted) {
      const matchers = [{ label: 'type', by: '=' as const, value: type }];
      expect(picked(samples, { metric: 'kirogate_errors_total', matchers }).length, type).toBe(1);
    }
  });

  it('show every metric of the gateway', () => {
    const own = [...metrics.keys()].filter((name) => name.startsWith('kirogate_')).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
    const shown = dashboard.panels.flatMap((panel) => panel.targets.flatMap((target) => usesOf(target.expr))).map(({ metric }) => metric);
    for (const name of own)
      expect(
        shown.some((one) => one.startsWith(name)),
        name,
      ).toBe(true);
  });
});

describe('the dashboard', () => {
  it('has panels with ids of their own, within the grid, each query named', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const { title, gridPos, targets } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (const { legendFormat } of targets) expect(legendFormat, title).not.toBe('');
    }
  });
});

describe('docs/operations.md', () => {
  it('explains every metric of the gateway, and every other that dashboard and rules use', () => {
    const own = [...metrics.keys()].filter((name) => name.startsWith('kirogate_')).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
    const used = queries.flatMap(usesOf).map(({ metric }) => metric.replace(/_(bucket|sum|count)$/, ''));
    for (const name of new Set([...own, ...used])) expect(operations, name).toContain(`\`${name}`);
  });

  it('explains every alert, and no other', () => {
    const explained = [...operations.matchAll(/^\| `(KiroGate\w+)`/gm)].map(([, name]) => name);
    expect(explained.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });

  it('is right that a node writes no line for a request that it serves or refuses, and JSON on each line', () => {
    expect(operations).toContain('writes **no line**');
    const lines = service.logs().trim().split('\n');
    const logged = lines.map((line) => JSON.parse(line) as { msg: string; requestId?: string });
    expect(logged.map(({ msg }) => msg)).toContain('ready');
    expect(logged.filter(({ requestId }) => requestId !== undefined)).toEqual([]);
  });

  it('names the longest silence that nginx bears of a node', () => {
    const [, bound = ''] = /proxy_read_timeout (\d+)s;/.exec(readText('nginx.conf')) ?? [];
    const [, hangs = ''] = /\n## A node hangs\n([\s\S]*?)\n## /.exec(operations) ?? [];
    expect(hangs).toContain(`\`proxy_read_timeout\` of ${bound} s`);
  });

  it('finds every alert with a severity and a sentence', () => {
    for (const { alert, labels, annotations } of rules) {
      expect(['critical', 'warning'], alert).toContain(labels.severity);
      expect(annotations.summary.length, alert).toBeGreaterThan(10);
    }
  });
});
