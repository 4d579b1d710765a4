/** Slots and UTC periods of event times: arithmetic only, no clock. */

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** Start of the slot of `width` ms that a time lies in. */
export function slotOf(time: number, width: number): number {
  return time - (time % width);
}

/** Start of a UTC day (`2026-11-23`) or month (`2026-11`) in ms. Throws when it is neither. */
export function periodStart(period: string): number {
  const start = period.length === 10 || period.length === 7 ? Date.parse(period) : Number.NaN;
  if (Number.isNaN(start)) throw new Error('period: neither a day nor a month');
  return start;
}

/** The UTC day of a time, as `2026-11-23`. */
export function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** The UTC month of a time, as `2026-11`. */
export function monthOf(time: number): string {
  return new Date(time).toISOString().slice(0, 7);
}
