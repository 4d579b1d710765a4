/** Between ISO 8601 UTC, as the API speaks, and the text of a `datetime-local` field, which knows no time zone. */

/** '' for what is no time. */
export function isoOfLocal(local: string): string {
  const time = local === '' ? Number.NaN : Date.parse(local);
  return Number.isNaN(time) ? '' : new Date(time).toISOString();
}

/** To the minute. '' for what is no time. */
export function localOfIso(iso: string): string {
  const time = Date.parse(iso);
  if (Number.isNaN(time)) return '';
  const at = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
