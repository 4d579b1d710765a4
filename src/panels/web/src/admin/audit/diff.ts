/** What an audit entry changed, as rows: before and after where the event tells both, else the value alone. */

export type DiffRow =
  | { readonly field: string; readonly kind: 'change'; readonly before: string | null; readonly after: string | null }
  | { readonly field: string; readonly kind: 'value'; readonly value: string | null };

/** How fields and values are said to the reader. */
export interface DiffWords {
  name(field: string): string;
  /** A time of ms since epoch or ISO 8601. */
  time(at: number | string): string;
  readonly yes: string;
  readonly no: string;
}

/** `null`: not set. A pair `{from, to}` in the details is a change; so is one at their top. */
export function diffRows(details: Readonly<Record<string, unknown>>, words: DiffWords): readonly DiffRow[] {
  const { from, to, ...rest } = details;
  const rows = Object.entries(rest).map(([name, value]): DiffRow => {
    const text = (one: unknown): string | null => textOf(name, one, words);
    const field = words.name(name);
    if (isChange(value)) return { field, kind: 'change', before: text(value.from), after: text(value.to) };
    return { field, kind: 'value', value: text(value) };
  });
  if (from === undefined && to === undefined) return rows;
  return [{ field: '', kind: 'change', before: textOf('', from, words), after: textOf('', to, words) }, ...rows];
}

function isChange(value: unknown): value is { from?: unknown; to?: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => key === 'from' || key === 'to');
}

const timed = /(At|Until)$|^(at|until)$/;

function textOf(field: string, value: unknown, words: DiffWords): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((one) => textOf(field, one, words) ?? '–').join(', ');
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([name, one]) => `${words.name(name)}: ${textOf(name, one, words) ?? '–'}`)
      .join(' · ');
  }
  if (typeof value === 'boolean') return value ? words.yes : words.no;
  if (timed.test(field) && isTime(value)) return words.time(value);
  return String(value);
}

function isTime(value: unknown): value is number | string {
  return typeof value === 'number'
    ? Number.isFinite(new Date(value).getTime())
    : typeof value === 'string' && !Number.isNaN(Date.parse(value));
}
