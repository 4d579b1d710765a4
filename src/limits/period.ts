/** UTC days and months, the periods of quotas. */

export const DAY_MS = 86_400_000;

export interface Period {
  /** `2026-11-23` */
  readonly day: string;
  /** `2026-11` */
  readonly month: string;
}

/** The periods that a moment (ms since epoch) belongs to. */
export function periodOf(wallMs: number): Period {
  const day = new Date(wallMs).toISOString().slice(0, 10);
  return { day, month: day.slice(0, 7) };
}

/** When a period of `periodOf` ends, ms since epoch. */
export function periodEnd(period: string): number {
  const year = Number(period.slice(0, 4));
  const month = Number(period.slice(5, 7));
  if (period.length === 7) return Date.UTC(year, month, 1);
  return Date.UTC(year, month - 1, Number(period.slice(8, 10)) + 1);
}

/** Whole days since the epoch. */
export function dayNumber(wallMs: number): number {
  return Math.floor(wallMs / DAY_MS);
}

/** `periodOf` for the hot path: formats a date only when the day changes. */
export function createPeriodCache(): (wallMs: number) => Period {
  let known: Period | undefined;
  let knownDay = Number.NaN;
  return (wallMs) => {
    const day = dayNumber(wallMs);
    if (known === undefined || day !== knownDay) {
      known = periodOf(wallMs);
      knownDay = day;
    }
    return known;
  };
}
