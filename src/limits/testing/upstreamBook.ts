/** The upstream's own book: any minute, any hour, any moment. */
import { expect } from 'vitest';

export interface UpstreamCall {
  readonly tokenId: string;
  /** When the upstream saw it, on the monotonic clock. */
  readonly arrivedAt: number;
  /** null: it runs. */
  endedAt: number | null;
  sent: boolean;
}

/** Caps are the widest that a history ever sets (modelOps.ts). */
export function checkUpstream(all: readonly UpstreamCall[]): void {
  for (const id of new Set(all.map((call) => call.tokenId))) {
    const calls = all.filter((call) => call.tokenId === id && call.sent);
    for (const { arrivedAt: from } of calls) {
      expect(calls.filter((other) => other.arrivedAt >= from && other.arrivedAt < from + 60_000).length).toBeLessThanOrEqual(5);
      expect(calls.filter((other) => other.arrivedAt >= from && other.arrivedAt < from + 3_600_000).length).toBeLessThanOrEqual(30);
      const running = calls.filter((other) => other.arrivedAt <= from && (other.endedAt === null || other.endedAt > from));
      expect(running.length).toBeLessThanOrEqual(3 + calls.filter((other) => other.arrivedAt === from && other.endedAt === from).length);
    }
  }
}
