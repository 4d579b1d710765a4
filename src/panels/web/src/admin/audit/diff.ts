/** What an audit entry changed, as rows: before and after where the event tells both, else the value alone. */

export type DiffRow =
  | { readonly field: string; readonly kind: 'change'; readonly before: string | null; readonly after: string | null }
  | { readonly field: string; readonly kind: 'value'; readonly value: string | null };

/** `null`: not set. A pair `{from, to}` in the details is a change; so is one at their top. */
export function diffRows(details: Readonly<Record<string, unknown>>): readonly DiffRow[] {
  const { from, to, ...rest } = details;
  const rows = Object.entries(rest).map(([field, value]): DiffRow => {
    if (isChange(value)) return { field, kind: 'change', before: textOf(value.from), after: textOf(value.to) };
    return { field, kind: 'value', value: textOf(value) };
  });
  if (from === undefined && to === undefined) return rows;
  return [{ field: '', kind: 'change', before: textOf(from), after: textOf(to) }, ...rows];
}

function isChange(value: unknown): value is { from?: unknown; to?: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => key === 'from' || key === 'to');
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((one) => textOf(one) ?? '–').join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
