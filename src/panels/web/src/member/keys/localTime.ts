/** Between the API's times and the browser's own field for date and time, which knows no zone. */

const two = (value: number): string => String(value).padStart(2, '0');

/** `2026-11-23T08:15` in the reader's zone; '' for none. */
export function toLocalTime(iso: string | null): string {
  if (iso === null) return '';
  const at = new Date(iso);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** ISO 8601 UTC; null for none. */
export function fromLocalTime(text: string): string | null {
  return text === '' ? null : new Date(text).toISOString();
}
