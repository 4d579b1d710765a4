import { describe, expect, it } from 'vitest';
import { diffRows } from './diff';

describe('the details of an audit entry', () => {
  it('are before and after where the event tells both', () => {
    expect(diffRows({ token_rpm_limit: { from: null, to: 20 }, site_enabled: { from: true, to: false } })).toEqual([
      { field: 'token_rpm_limit', kind: 'change', before: null, after: '20' },
      { field: 'site_enabled', kind: 'change', before: 'true', after: 'false' },
    ]);
    expect(diffRows({ from: 'public', to: 'private' })).toEqual([{ field: '', kind: 'change', before: 'public', after: 'private' }]);
    expect(diffRows({ dailyCap: { to: 5 } })).toEqual([{ field: 'dailyCap', kind: 'change', before: null, after: '5' }]);
  });

  it('are names and values otherwise', () => {
    expect(diffRows({ reason: 'spam', models: ['a', 'b'], nothing: null, more: { from: 1, other: 2 } })).toEqual([
      { field: 'reason', kind: 'value', value: 'spam' },
      { field: 'models', kind: 'value', value: 'a, b' },
      { field: 'nothing', kind: 'value', value: null },
      { field: 'more', kind: 'value', value: '{"from":1,"other":2}' },
    ]);
    expect(diffRows({})).toEqual([]);
  });
});
