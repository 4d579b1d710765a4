/** Read models and where they stand, as the API answers them. */

export interface Standing {
  readonly partition: string;
  readonly position: number;
  readonly head: number;
  readonly lagEvents: number;
  readonly lagMs: number;
  readonly status: 'live' | 'behind';
}

export interface RebuildProgress {
  readonly done: number;
  readonly total: number;
  readonly eventsPerSecond: number;
  readonly remainingMs: number | null;
}

export interface Projection {
  readonly name: string;
  readonly version: number;
  readonly parked: number;
  readonly partitions: readonly Standing[];
  /** While it is rebuilt on the node that answers. */
  readonly rebuild?: RebuildProgress | null;
}

export interface Rebuilt {
  readonly projection: string;
  readonly version: number;
  readonly events: number;
  readonly durationMs: number;
  readonly equal: boolean | null;
}

export const projectionsPath = '/admin/api/projections';
