/** Parked events as the API answers them. */

export const states = ['parked', 'retried', 'discarded'] as const;

export interface Parked {
  readonly id: string;
  readonly projection: string;
  readonly eventId: string;
  readonly type: string;
  readonly subject: string;
  readonly partition: string;
  readonly position: number;
  readonly reason: string;
  readonly error: string;
  readonly state: (typeof states)[number];
  readonly at: string;
}

export const parkedPath = '/admin/api/parked-events';
