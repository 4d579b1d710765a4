/** Alert rules read as data, their queries taken apart, and scrapes to hold them against. */
import { parse } from 'yaml';
import { readText } from './files.js';

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}

export const readRules = (): Rule[] =>
  (parse(readText('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);

interface Matcher {
  readonly label: string;
  readonly by: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** A metric that a query names, and how it picks among its series. */
export interface Use {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export function usesOf(expr: string): Use[] {
  return [...expr.matchAll(/\b((?:kirogate|process|nodejs)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(([, metric = '', inner = '']) => ({
    metric,
    matchers: [...inner.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(([, label = '', by, value = '']) => ({
      label,
      by: by as Matcher['by'],
      value,
    })),
  }));
}

export interface Sample {
  readonly metric: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** Every sample of a scrape. */
export function samplesOf(text: string): Sample[] {
  return [...text.matchAll(/^(\w+)(?:\{([^}]*)\})? (\S+)$/gm)].map(([, metric = '', labels = '', value]) => ({
    metric,
    labels: new Map([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', is = '']) => [label, is])),
    value: Number(value),
  }));
}

/** The samples that a use picks, as Prometheus would. */
export const picked = (samples: readonly Sample[], { metric, matchers }: Use): Sample[] =>
  samples.filter(
    (sample) => sample.metric === metric && matchers.every((matcher) => fits(sample.labels.get(matcher.label) ?? '', matcher)),
  );

function fits(is: string, { by, value }: Matcher): boolean {
  if (by === '=' || by === '!=') return (is === value) === (by === '=');
  return new RegExp(`^(?:${value})$`).test(is) === (by === '=~');
}

export const sumOf = (samples: readonly Sample[]): number => samples.reduce((sum, { value }) => sum + value, 0);
