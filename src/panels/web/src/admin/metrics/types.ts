/** Figures of the whole cluster as the API answers them. */

export const windows = ['1m', '1h', '24h', 'all'] as const;
export type MetricsWindow = (typeof windows)[number];
export type Counts = Readonly<Record<string, number>>;

export interface Metrics {
  readonly totalRequests: number;
  readonly successRate: number;
  readonly latencyMs: Readonly<Record<'avg' | 'p50' | 'p95' | 'p99', number | null>>;
  readonly byModel: Counts;
  readonly byStatus: Counts;
  readonly byEndpoint: Counts;
  readonly byErrorType: Counts;
  readonly modelTokens: Readonly<Record<string, { readonly input: number; readonly output: number }>>;
}

export const metricsPath = '/admin/api/metrics';
