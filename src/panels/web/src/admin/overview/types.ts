/** The installation as the API answers it. */

export interface ClusterNode {
  readonly id: string;
  readonly healthy: boolean;
  readonly startedAt: string;
  readonly connections: number;
  readonly requestsLastMinute: number;
  readonly leader: boolean;
}

export interface Lag {
  readonly partition: string;
  readonly lagEvents: number;
  readonly lagMs: number;
}

export type StoreName = 'postgres' | 'redis';

export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly partitions?: readonly Lag[];
  /** null: this installation has none. */
  readonly stores?: Readonly<Record<StoreName, 'connected' | 'disconnected' | null>>;
}

export interface HistoryItem {
  readonly id: string;
  readonly at: string;
  readonly type: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export const clusterPath = '/admin/api/cluster';
