/** Dashboard and alert rules against a live scrape, and docs/operations.md against both: no name without a metric, no metric or alert unexplained. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { errorCatalogue } from '../../src/errors.js';
import { type Service, startService } from '../support/service.js';
import { addTokens, ask, terminals } from '../support/traffic.js';
import { until } from '../support/until.js';
import { readText } from './files.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}
interface Dashboard {
  readonly panels: readonly {
    id: number;
    title: string;
    gridPos: { x: number; w: number };
    targets: readonly { expr: string; legendFormat: string }[];
  }[];
}

const rules = (parse(readText('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readText('deploy/grafana/kirogate.json')) as Dashboard;
const queries = [...rules.map((rule) => rule.expr), ...dashboard.panels.flatMap((panel) => panel.targets.map((target) => target.expr))];
const operations = readText('docs/operations.md');

/** Labels that Prometheus adds itself. */
const ofPrometheus = ['job', 'instance'];
/** The metric that Prometheus makes of each target. */
const up = new Map([['up', new Set(ofPrometheus)]]);

interface Use {
  readonly metric: string;
  readonly labels: readonly string[];
  readonly values: readonly (readonly [label: string, value: string])[];
}

/** The metrics that a query names, with the labels that it picks by. */
function usesOf(expr: string): Use[] {
  return [...expr.matchAll(/\b((?:kirogate|process|nodejs)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(([, metric = '', matchers = '']) => {
    const values = [...matchers.matchAll(/(\w+)(?:=~|=|!=|!~)"([^"]*)"/g)].map(([, label = '', value = '']) => [label, value] as const);
    return { metric, labels: values.map(([label]) => label), values };
  });
}

/** Every metric of a scrape with all labels that it has. */
function scraped(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)(?:\{([^}]*)\})? \S+$/gm)) {
    const known = found.get(name) ?? new Set(ofPrometheus);
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}

let service: Service;
let text: string;
let metrics: Map<string, Set<string>>;

beforeAll(async () => {
  service = await startService();
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
      for (const { metric, labels } of uses) {
        expect([...metrics.keys()], expr).toContain(metric);
        for (const label of labels) expect([...(metrics.get(metric) ?? [])], `${metric} in ${expr}`).toContain(label);
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
      result: ['success', 'failed', 'aborted', 'abandoned'],
      job: ['kirogate'],
    };
    const pool = ['active', 'suspended', 'invalid'];
    for (const { metric, values } of queries.flatMap(usesOf)) {
      for (const [label, value] of values) {
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

  it('finds every alert with a severity and a sentence', () => {
    for (const { alert, labels, annotations } of rules) {
      expect(['critical', 'warning'], alert).toContain(labels.severity);
      expect(annotations.summary.length, alert).toBeGreaterThan(10);
    }
  });
});
