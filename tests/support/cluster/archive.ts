/** The archive as an outsider reads it: page by page, going on from the last cursor. */
import type { AdminClient } from '../admin.js';

export interface ArchivedEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly partition: string;
  /** Position in the partition. */
  readonly sequence: string;
  readonly cursor: string;
  readonly data: {
    readonly requestId?: string;
    readonly userId?: string;
    readonly status?: number;
    readonly code?: string;
    readonly charged?: boolean;
    readonly count?: number;
    readonly attempts?: readonly { readonly respondedAt: number | null; readonly outcome: string }[];
  };
}

export const terminalTypes: readonly string[] = [
  'kirogate.token.used',
  'kirogate.request.failed',
  'kirogate.request.cancelled',
  'kirogate.request.abandoned',
];

export interface ArchiveReader {
  /** Reads what is new; answers all events so far. */
  read(): Promise<readonly ArchivedEvent[]>;
}

export function createArchiveReader(admin: AdminClient): ArchiveReader {
  const events: ArchivedEvent[] = [];
  return {
    async read() {
      for (;;) {
        const after = events.at(-1)?.cursor;
        const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
        const { items } = await admin.get<{ items: ArchivedEvent[] }>(`/admin/api/events?limit=500${query}`);
        events.push(...items);
        if (items.length < 500) return [...events];
      }
    },
  };
}
