import { describe, expect, it } from 'vitest';
import { diffRows } from './diff';

const names: Readonly<Record<string, string>> = { expiresAt: 'Expires', status: 'Status' };
const words = {
  name: (field: string) => names[field] ?? field,
  time: (at: number | string) => `at ${new Date(at).toISOString()}`,
  yes: 'yes',
  no: 'no',
};
const rowsOf = (details: Readonly<Record<string, unknown>>) => diffRows(details, words);

describe('the details of an audit entry', () => {
  it('are before and after where the event tells both', () => {
    expect(rowsOf({ token_rpm_limit: { from: null, to: 20 }, site_enabled: { from: true, to: false } })).toEqual([
      { field: 'token_rpm_limit', kind: 'change', before: null, after: '20' },
      { field: 'site_enabled', kind: 'change', before: 'yes', after: 'no' },
    ]);
    expect(rowsOf({ from: 'public', to: 'private' })).toEqual([{ field: '', kind: 'change', before: 'public', after: 'private' }]);
    expect(rowsOf({ dailyCap: { to: 5 } })).toEqual([{ field: 'dailyCap', kind: 'change', before: null, after: '5' }]);
  });

  it('are names and values otherwise', () => {
    expect(rowsOf({ reason: 'spam', models: ['a', 'b'], nothing: null, more: { from: 1, other: 2 } })).toEqual([
      { field: 'reason', kind: 'value', value: 'spam' },
      { field: 'models', kind: 'value', value: 'a, b' },
      { field: 'nothing', kind: 'value', value: null },
      { field: 'more', kind: 'value', value: 'from: 1 · other: 2' },
    ]);
    expect(rowsOf({})).toEqual([]);
  });

  it('name fields in the reader’s language, and show times as times', () => {
    expect(
      rowsOf({ expiresAt: 1_795_446_478_286, status: 'active', until: 'never', previous: { expiresAt: '2026-11-23T10:00:00Z' } }),
    ).toEqual([
      { field: 'Expires', kind: 'value', value: 'at 2026-11-23T15:07:58.286Z' },
      { field: 'Status', kind: 'value', value: 'active' },
      { field: 'until', kind: 'value', value: 'never' },
      { field: 'previous', kind: 'value', value: 'Expires: at 2026-11-23T10:00:00.000Z' },
    ]);
  });
});
