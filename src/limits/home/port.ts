/** What a place where the limits live offers beyond their port, to the one who moves them. */
import type { Limits } from '../port.js';
import type { AttemptEntry, RequestEntry } from '../transfer.js';

export interface HomeLimits extends Limits {
  /** Takes back an admission whose answer never came, and keeps it from coming later. */
  cancel(attemptId: string): Promise<void>;
  /** Takes over open requests and running attempts that began in an earlier home; those known already are left as they are. */
  adopt(requests: readonly RequestEntry[], attempts: readonly AttemptEntry[]): Promise<void>;
  /** Frees what dead runs hold; runs by itself every 2 s. */
  sweep(): Promise<void>;
}
